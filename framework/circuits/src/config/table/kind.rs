//! What the value of a setting may be, and how that reads in a refusal and in the sample.

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A host name or an address.
    Host,
    /// A file or a folder.
    Path,
    /// Names, separated by commas.
    List,
    /// `true` or `false`, and the other words for them.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name or the number of a log level.
    Level,
    /// A whole number.
    Number(Range),
    /// A whole number of seconds.
    Seconds(Range),
}

/// Which numbers are allowed.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) least: i64,
    pub(crate) most: i64,
    /// What 0 means, where it is allowed and means something of its own.
    pub(crate) zero: Option<&'static str>,
    /// How the Python runner words the refusal, which operators may look for.
    pub(crate) words: Option<&'static str>,
}

/// The largest number of a setting whose size nothing limits.
pub(crate) const ANY: i64 = i64::MAX;

impl Range {
    pub(super) const fn new(least: i64, most: i64) -> Self {
        Self { least, most, zero: None, words: None }
    }

    pub(super) const fn zero(mut self, meaning: &'static str) -> Self {
        self.zero = Some(meaning);
        self
    }

    pub(super) const fn words(mut self, refusal: &'static str) -> Self {
        self.words = Some(refusal);
        self
    }

    /// Whether the number is allowed.
    pub(crate) fn holds(&self, number: i64) -> bool {
        (self.least..=self.most).contains(&number) || number == 0 && self.zero.is_some()
    }

    /// What a refusal says must hold.
    pub(crate) fn rule(&self, unit: &str) -> String {
        let Self { least, most, .. } = self;
        match (self.words, self.zero) {
            (Some(words), _) => words.to_owned(),
            (None, Some(zero)) => {
                format!("must be 0 ({zero}) or a whole number{unit} from {least} to {most}")
            }
            (None, None) => format!("must be a whole number{unit} from {least} to {most}"),
        }
    }

    /// The same in a few words.
    fn short(&self) -> String {
        let range = match self.most {
            ANY => format!("at least {}", self.least),
            most => format!("{} to {most}", self.least),
        };
        self.zero.map_or(range.clone(), |zero| format!("{range}; 0 means {zero}"))
    }
}

impl Kind {
    /// What is allowed, in a few words; `None` where the text of the setting says it all.
    pub(crate) fn allowed(&self) -> Option<String> {
        match self {
            Self::Text | Self::Host | Self::Path | Self::List => None,
            Self::Flag => Some("true or false".to_owned()),
            Self::Word(words) => Some(words.join(" or ")),
            Self::Level => Some(crate::config::LogLevel::NAMES.to_owned()),
            Self::Number(range) | Self::Seconds(range) => Some(range.short()),
        }
    }
}
