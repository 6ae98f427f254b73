//! The table as text: the sample file, what `--help` says, and the page on configuration of the documentation.

use super::{GROUPS, INTEGRATIONS, Key, UNUSED};

/// How wide a line of the sample may be.
const WIDTH: usize = 120;

const HEAD: &str = "\
# app.config: the settings of circuits, each with its default.
#
# Looked for in this order: $APP_CONFIG_FILE, ./app.config, ~/.resilient/app.config; `--config-file F` takes F instead.
# A setting on the command line (--num-workers 50) beats an environment variable, which beats this file, which beats the
# default. `circuits config show` prints what is in force and where each value comes from.
#
# A line that begins with # or ; is a comment; there are no comments behind a value. A value goes on in the next line if
# that line is indented. $NAME as a whole value, or ${NAME} anywhere in one, is replaced by the environment variable NAME:
# use this for secrets. Remove the # before a setting to change it.

[resilient]
";

const FOR_ALL: &str = "For all components that call other services, if they read it; a component's own section may override each.";

const OF_COMPONENTS: &str = "\
Each component has a section of its own; see its README or app.config. `queue=` in it names another message \
destination than the component's own.";

const PAGE_HEAD: &str = "\
<!-- Made from the table of settings (framework/circuits/src/config/table). Change it there, then renew this page: \
CIRCUITS_RENEW=1 cargo test -p circuits --lib config::table -->

# Configuration

`circuits` reads `app.config`, an INI file: the one that `--config-file` names, else `$APP_CONFIG_FILE`, else `./app.config`, \
else `~/.resilient/app.config`. An `app.config` of the Python `resilient-circuits` works as it is. `circuits config -c` \
writes a new one, `circuits config check` finds what is wrong in one, and `circuits config show` prints every value that is \
in force and where it comes from.

Each setting of `[resilient]` is an option of the command line too: `num_workers` is `--num-workers`. The command line beats \
an environment variable, which beats the file, which beats the default.

A line that begins with `#` or `;` is a comment; there are no comments behind a value. A value goes on in the next line if \
that line is indented. `$NAME` as a whole value, or `${NAME}` anywhere in one, is replaced by the environment variable \
`NAME`: use this for secrets. Values of `[DEFAULT]` hold in every section that does not set them.
";

const PAGE_TABLE: &str = "\n| Setting | Default | Allowed | Meaning |\n|---|---|---|---|\n";

const PAGE_FOREIGN: &str = "\n## Settings of the Python runner without effect\n
They are known, so that an existing file gives no warning about a misspelt key.\n
| Setting | What happens instead |\n|---|---|\n";

/// A new app.config: every setting with what it is for, commented out unless everybody has to set it.
pub fn sample() -> String {
    let mut text = HEAD.to_owned();
    for group in GROUPS {
        let title = format!("# --- {} ", group.title);
        text.push_str(&format!("\n{title}{}\n", "-".repeat(WIDTH.saturating_sub(title.len()))));
        group.keys.iter().for_each(|key| key.write(&mut text));
    }
    text.push_str("\n[integrations]\n");
    comment(FOR_ALL, &mut text);
    INTEGRATIONS.iter().for_each(|key| key.write(&mut text));
    text.push('\n');
    comment(OF_COMPONENTS, &mut text);
    text
}

/// The page on configuration of the documentation, Markdown.
pub fn reference() -> String {
    let mut page = PAGE_HEAD.to_owned();
    for group in GROUPS {
        page.push_str(&format!("\n## {}\n{PAGE_TABLE}", group.title));
        page.extend(group.keys.iter().map(Key::row));
    }
    page.push_str(&format!("\n## `[integrations]`\n\n{FOR_ALL}\n{PAGE_TABLE}"));
    page.extend(INTEGRATIONS.iter().map(Key::row));
    page.push_str(&format!("\n## Sections of components\n\n{OF_COMPONENTS}\n{PAGE_FOREIGN}"));
    for (name, why) in UNUSED {
        page.push_str(&format!("| `{name}` | {} |\n", cell(why.unwrap_or("nothing"))));
    }
    page
}

impl Key {
    /// What it is for, what is allowed, and what holds without it.
    pub fn help(&self) -> String {
        let words: Vec<_> = self.text.split_whitespace().map(str::to_owned).chain(self.facts()).collect();
        let default = self.default.map(|text| format!(" [default: {text}]")).unwrap_or_default();
        words.join(" ") + &default
    }

    /// What is allowed, what holds without it, and which variable beats it: sentences.
    fn facts(&self) -> Vec<String> {
        let numbers =
            matches!(self.kind, super::Kind::Number(_) | super::Kind::Seconds(_) | super::Kind::Level);
        let allowed = self.kind.allowed().filter(|_| numbers).map(|what| format!("Allowed: {what}."));
        let default = self.fallback().map(|what| format!("Default: {what}."));
        let variable = self.env.map(|name| format!("Environment: {name}."));
        [allowed, default, variable].into_iter().flatten().collect()
    }

    /// What holds without a value where that is no text of its own.
    fn fallback(&self) -> Option<String> {
        let same = self.same_as.map(|other| format!("the same as {other}"));
        same.or_else(|| self.otherwise.map(str::to_owned))
    }

    /// Its part of the sample.
    fn write(&self, text: &mut String) {
        text.push('\n');
        let (sentences, rest) = self.text.split_once('\n').unwrap_or((self.text, ""));
        let facts = self.facts().join(" ");
        if rest.is_empty() {
            comment(&[sentences, &facts].join(" "), text);
        } else {
            comment(sentences, text);
            rest.lines().for_each(|line| text.push_str(&format!("#{line}\n")));
            comment(&facts, text);
        }
        let mark = if self.given { "" } else { "#" };
        let value = self.sample.or(self.default).unwrap_or_default();
        text.push_str(&format!("{mark}{}={value}\n", self.name));
    }

    /// Its row of the page.
    fn row(&self) -> String {
        let default = match (self.default, self.fallback()) {
            (Some(text), _) => format!("`{text}`"),
            (None, Some(words)) => cell(&words),
            (None, None) => String::new(),
        };
        let allowed = self.kind.allowed().map(|what| cell(&what)).unwrap_or_default();
        let (sentences, rest) = self.text.split_once('\n').unwrap_or((self.text, ""));
        let mut meaning = cell(sentences);
        rest.lines().for_each(|line| meaning.push_str(&format!(" `{}`", line.trim().replace('|', "\\|"))));
        if let Some(variable) = self.env {
            meaning.push_str(&format!(" The environment variable `{variable}` beats the file."));
        }
        format!("| `{}` | {default} | {allowed} | {meaning} |\n", self.name)
    }
}

/// Text in a table of Markdown, outside of code.
fn cell(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => part.replace('<', "&lt;").replace('|', "\\|"),
        _ => format!("`{}`", part.replace('|', "\\|")),
    });
    parts.collect()
}

/// Comment lines of the sample that hold this text.
fn comment(sentences: &str, text: &mut String) {
    let mut line = String::from("#");
    for word in sentences.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > 1 {
        text.push_str(&line);
        text.push('\n');
    }
}
