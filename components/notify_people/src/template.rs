//! Texts from templates. Templates come only from app.config and from files; the content of an incident is only a value in them.

use std::path::Path;

use circuits::prelude::*;
use minijinja::Environment;
use serde_json::{Map, Value, json};

use crate::settings::Settings;

const SUBJECT: &str = "mail_subject";
const MAIL: &str = "mail_template";
/// Because of the name's ending, every value is written as JSON.
const WEBHOOK: &str = "webhook_template.json";

/// The three templates, compiled.
pub(crate) struct Templates(Environment<'static>);

impl Templates {
    /// Reads and compiles them.
    ///
    /// # Errors
    /// When a file cannot be read or a template has a mistake; the error names key and line.
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let mut environment = Environment::new();
        for (name, text) in [
            (SUBJECT, settings.mail_subject.clone()),
            (MAIL, read(MAIL, settings.mail_template.as_deref(), include_str!("mail.txt"))?),
            (
                WEBHOOK,
                read("webhook_template", settings.webhook_template.as_deref(), include_str!("webhook.json"))?,
            ),
        ] {
            environment
                .add_template_owned(name, text)
                .map_err(|error| Error::from(error).context(format_args!("{name} is not a template")))?;
        }
        Ok(Self(environment))
    }

    /// The subject, which is one line, and the text.
    pub(crate) fn mail(&self, context: &Value) -> Result<(String, String)> {
        let subject = self.render(SUBJECT, context)?;
        // A line break would end the header and begin another one.
        let words =
            subject.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
        Ok((words.collect::<Vec<_>>().join(" "), self.render(MAIL, context)?))
    }

    /// The document for the webhook.
    pub(crate) fn webhook(&self, context: &Value) -> Result<Value> {
        let text = self.render(WEBHOOK, context)?;
        serde_json::from_str(&text).map_err(|error| {
            Error::from(error).context(
                "webhook_template in [notify] does not give JSON (a {{ value }} brings its own quotation marks)",
            )
        })
    }

    fn render(&self, name: &str, context: &Value) -> Result<String> {
        let rendered =
            self.0.get_template(name).and_then(|template| template.render(minijinja::value::Serde(context)));
        rendered.map_err(|error| Error::from(error).context(format_args!("{name} in [notify]")))
    }
}

fn read(key: &str, path: Option<&Path>, built_in: &str) -> Result<String> {
    let Some(path) = path else { return Ok(built_in.to_owned()) };
    std::fs::read_to_string(path)
        .map_err(|error| Error::from(error).context(format_args!("{key} {} cannot be read", path.display())))
}

/// The values that templates can use.
pub(crate) fn context(action: &Action) -> Value {
    let message = action.message();
    let part = |key: &str| message.get(key).cloned().unwrap_or_default();
    let incident = part("incident");
    let info = action.type_info();
    let labels = incident.as_object().into_iter().flatten().filter_map(|(field, value)| {
        Some((field.clone(), Value::from(info.label("incident", field, value)?)))
    });
    let labels = labels.collect::<Map<_, _>>();
    json!({
        "rule": action.rule(),
        "message": part("properties")["notify_message"],
        "labels": labels,
        "incident": incident,
        "task": part("task"),
        "artifact": part("artifact"),
        "note": part("note"),
        "user": part("user"),
        "properties": part("properties"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &str) -> Value {
        json!({"rule": "Notify", "message": null, "labels": {}, "incident": {"id": 7, "name": name}, "user": null})
    }

    #[test]
    fn the_subject_is_one_line() {
        let templates = Templates::load(&Settings::default()).unwrap();
        let (subject, _) =
            templates.mail(&context("a\r\nBcc: x@example.com\n\n\tb\u{85}c\u{2028}d\0")).unwrap();
        assert_eq!(subject, "[Incident 7] a Bcc: x@example.com b c d");
    }

    #[test]
    fn values_are_not_templates_and_stay_in_their_json_string() {
        let templates = Templates::load(&Settings::default()).unwrap();
        let name = "\", \"channel\": \"#all {{ 7 * 7 }} {% raw %} </script>";
        let (subject, text) = templates.mail(&context(name)).unwrap();
        assert!(subject.contains("{{ 7 * 7 }}") && text.contains("{{ 7 * 7 }}"), "{subject} {text}");
        let document = templates.webhook(&context(name)).unwrap();
        assert_eq!(document["incident"], json!({"id": 7, "name": name, "severity": null}));
        assert_eq!(document["text"], format!("Incident 7: {name}"));
        assert_eq!(document["message"], Value::Null);
        assert_eq!(document.as_object().unwrap().len(), 4);
    }

    #[test]
    fn mistakes_are_named() {
        let mut settings = Settings { mail_subject: "{{ incident".to_owned(), ..Settings::default() };
        let text = |settings: &Settings| Templates::load(settings).err().unwrap().to_string();
        assert!(text(&settings).contains("mail_subject is not a template"), "{}", text(&settings));
        settings = Settings { webhook_template: Some("/no/such/file".into()), ..Settings::default() };
        assert!(
            text(&settings).contains("webhook_template /no/such/file cannot be read"),
            "{}",
            text(&settings)
        );
    }
}
