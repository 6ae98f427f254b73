//! Recorded messages as tests, one each.

use std::path::Path;
use std::process::ExitCode;

use jiff::civil::DateTime;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use similar::TextDiff;

use super::Kit;
use super::recorded::Answers;
use crate::recording::{Folder, Message, RecordedAnswer};

/// Makes a test of each action message that `circuits run --log-http-responses` has recorded in a folder of the crate: the
/// component handles the message, the platform's answers are the recorded ones, and it must
///
/// - reply what was recorded (without a recorded reply: no error),
/// - send with each call what was recorded with it,
/// - make the changes (POST, PUT, PATCH, DELETE) that were recorded between this message and the next, and
/// - call nothing that was not recorded.
///
/// Differences are shown line by line. Record one action at a time, so that it is known which calls belong to it. The Python
/// client's recordings have no replies and no sent bodies, so these cannot be compared.
///
/// It is all that a file such as `tests/replay.rs` needs. Cargo.toml lists the file as
///
/// ```toml
/// [[test]]
/// name = "replay"
/// harness = false
/// ```
///
/// and the file reads as follows, with the name of the component and, if its defaults are not enough, its section of
/// app.config:
///
/// ```no_run
/// # mod add_task {}
/// use add_task as _;
///
/// circuits_testing::replay_dir!("tests/recorded", "add_task");
/// ```
#[macro_export]
macro_rules! replay_dir {
    ($folder:literal, $component:literal) => {
        $crate::replay_dir!($folder, $component, "");
    };
    ($folder:literal, $component:literal, $sections:expr) => {
        fn main() -> ::std::process::ExitCode {
            $crate::testing::replay(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder), $component, $sections)
        }
    };
}

/// Does what [`replay_dir!`](crate::replay_dir) does, for a folder whose place is known only when the test runs.
pub fn replay(folder: impl AsRef<Path>, component: &'static str, sections: &str) -> ExitCode {
    let folder = folder.as_ref();
    let arguments = Arguments::from_args();
    let trials = match Folder::read(folder) {
        Err(error) => vec![failing("recordings", error.to_string())],
        Ok(Folder { messages, .. }) if !messages.iter().any(Message::is_action) => {
            let text = format!(
                "{} holds no recorded action: their names begin with ActionMessage_",
                folder.display()
            );
            vec![failing("recordings", text)]
        }
        Ok(Folder { messages, answers }) => {
            let next =
                |time| messages.iter().map(|message| message.time).find(|other| *other > time).flatten();
            let one = |message: &Message| {
                let case = Case {
                    until: next(message.time),
                    message: message.clone(),
                    answers: answers.clone(),
                    component,
                    sections: sections.to_owned(),
                };
                Trial::test(message.name(), move || case.check())
            };
            messages.iter().filter(|message| message.is_action()).map(one).collect()
        }
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn failing(name: &str, text: String) -> Trial {
    Trial::test(name, move || Err(Failed::from(text)))
}

/// One message.
struct Case {
    message: Message,
    /// When the next message came.
    until: Option<DateTime>,
    answers: Vec<RecordedAnswer>,
    component: &'static str,
    sections: String,
}

impl Case {
    fn check(self) -> Result<(), Failed> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
        let faults = runtime.block_on(self.faults()).map_err(|error| Failed::from(error.to_string()))?;
        if faults.is_empty() { Ok(()) } else { Err(Failed::from(faults.join("\n"))) }
    }

    async fn faults(&self) -> crate::Result<Vec<String>> {
        let answers = Answers::of(self.answers.clone(), self.message.time);
        let kit = Kit::configured(self.component, &self.sections, answers.mock()).await?;
        let rule = kit.rule(self.message.rule()).unwrap_or_else(|| self.message.rule());
        let done = kit.handle(rule, serde_json::from_str(&self.message.body()?)?).await;
        let mut faults = kit.surprises();
        match self.message.reply()? {
            Some(recorded) => {
                faults.extend(difference("The reply", &recorded, &serde_json::to_value(&done.reply)?));
            }
            None if done.reply.is_error() => faults.push(format!("It failed: {}", done.reply.text())),
            None => {}
        }
        for given in answers.lock().iter() {
            match (&given.sent, given.answer.sent()?) {
                (Some(sent), Some(recorded)) => {
                    faults.extend(difference(&format!("What {} sent", given.answer), &recorded, sent));
                }
                (None, _) if self.expects(&given.answer) => {
                    faults.push(format!("{} was recorded, but is not called now", given.answer));
                }
                _ => {}
            }
        }
        Ok(faults)
    }

    /// Whether it is a change that belongs to this message.
    fn expects(&self, answer: &RecordedAnswer) -> bool {
        answer.method() != "GET"
            && !answer.is_session()
            && self.message.time.is_some()
            && answer.time >= self.message.time
            && self.until.is_none_or(|until| answer.time < Some(until))
    }
}

/// How two values differ, line by line.
fn difference(what: &str, recorded: &Value, now: &Value) -> Option<String> {
    if recorded == now {
        return None;
    }
    let (recorded, now) = (format!("{recorded:#}\n"), format!("{now:#}\n"));
    let diff = TextDiff::from_lines(&recorded, &now);
    Some(format!("{what} differs:\n{}", diff.unified_diff().context_radius(3).header("recorded", "now")))
}
