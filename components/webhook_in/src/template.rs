//! The texts of an incident from templates. Templates come only from app.config; what a webhook brings is only a value in them.

use circuits::prelude::*;
use minijinja::{Environment, UndefinedBehavior, escape_formatter};
use serde_json::{Value, json};

use crate::signature::Delivery;

/// Characters of an incident's name.
const NAME: usize = 250;
/// Characters of what an incident is about.
const ABOUT: usize = 1000;
/// Characters of a description or a note.
const NOTE: usize = 8000;
/// Characters of the body's text.
const EXCERPT: usize = 2000;
/// Steps that one template may do.
const WORK: u64 = 100_000;

/// The three templates of a route, compiled.
pub(crate) struct Templates {
    engine: Environment<'static>,
    keys: [String; 3],
}

/// What they give for a webhook.
pub(crate) struct Texts {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) note: String,
}

impl Templates {
    /// # Errors
    /// When one has a mistake; the error names key and line.
    pub(crate) fn new(route: &str, texts: [&String; 3]) -> Result<Self> {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Chainable);
        engine.set_fuel(Some(WORK));
        engine.set_formatter(
            |out, state, value| {
                if value.is_none() { Ok(()) } else { escape_formatter(out, state, value) }
            },
        );
        let keys = ["name", "about", "note"].map(|part| format!("{route}_{part}"));
        for (key, text) in keys.iter().zip(texts) {
            let added = engine.add_template_owned(key.clone(), text.clone());
            added.map_err(|error| Error::from(error).context(format_args!("{key} is not a template")))?;
        }
        Ok(Self { engine, keys })
    }

    /// The texts for a webhook.
    ///
    /// # Errors
    /// When a template fails, or gives nothing where a text is needed: what is missing, for the sender.
    pub(crate) fn texts(&self, payload: &Value, delivery: &Delivery) -> Result<Texts, String> {
        let excerpt: String = format!("{payload:#}").chars().take(EXCERPT).collect();
        let event = delivery.event.as_deref().or_else(|| payload["type"].as_str());
        let context =
            json!({"payload": payload, "excerpt": excerpt, "event": event, "delivery": delivery.id});
        let [name, about, note] = &self.keys;
        let about = self.line(about, &context)?;
        if about.chars().count() > ABOUT {
            return Err(format!("{} in [webhook_in] gives more than {ABOUT} characters", self.keys[1]));
        }
        let note = self.render(note, &context)?.trim().chars().take(NOTE).collect();
        Ok(Texts { name: self.line(name, &context)?.chars().take(NAME).collect(), about, note })
    }

    /// One line that is not empty.
    fn line(&self, key: &str, context: &Value) -> Result<String, String> {
        let text = self.render(key, context)?;
        let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        if !line.is_empty() {
            return Ok(line);
        }
        let template = self.engine.get_template(key);
        let mut wanted: Vec<_> = template
            .map(|template| template.undeclared_variables(true))
            .unwrap_or_default()
            .into_iter()
            .collect();
        wanted.sort_unstable();
        let wanted = wanted.join(", ");
        Err(format!(
            "{key} in [webhook_in] gives no text, because the webhook has nothing in any of: {wanted}"
        ))
    }

    fn render(&self, key: &str, context: &Value) -> Result<String, String> {
        let context = minijinja::value::Serde(context);
        let rendered = self.engine.get_template(key).and_then(|template| template.render(context));
        rendered.map_err(|error| format!("{key} in [webhook_in]: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        Delivery { id: "d1".to_owned(), signed: None, event: None }
    }

    fn given(name: &str, about: &str, note: &str, payload: &Value) -> Result<Texts, String> {
        let texts = [name, about, note].map(str::to_owned);
        Templates::new("shared", texts.each_ref()).unwrap().texts(payload, &delivery())
    }

    #[test]
    fn values_stay_values_and_names_are_one_line() {
        let payload =
            json!({"title": "{{ 7 * 7 }} ${HOME} <b>x</b>\r\n{% raw %}", "nothing": null, "type": "t"});
        let name = "{{ payload.title }}{{ payload.nothing }}{{ payload.a.b.c }}{{ none }}";
        let it = given(name, "{{ event }}/{{ delivery }}", "{{ excerpt }}", &payload).unwrap();
        assert_eq!(it.name, "{{ 7 * 7 }} ${HOME} <b>x</b> {% raw %}");
        assert_eq!(it.about, "t/d1");
        assert!(it.note.contains("\"type\": \"t\""), "{}", it.note);
    }

    #[test]
    fn texts_end_somewhere() {
        let long = json!({"title": "ü".repeat(20_000)});
        let it = given("{{ payload.title }}", "a", "{{ payload.title }}", &long).unwrap();
        assert_eq!((it.name.chars().count(), it.note.chars().count()), (NAME, NOTE));
        assert!(given("n", "{{ payload.title }}", "", &long).err().unwrap().contains("shared_about"));
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        let error = given("n", "a", endless, &long).err().unwrap();
        assert!(error.contains("shared_note in [webhook_in]"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = given("{{ payload.title or payload.a.b }}", "a", "", &json!({})).err().unwrap();
        assert!(error.contains("shared_name") && error.ends_with("payload.a.b, payload.title"), "{error}");
        let error = given("n", "{{ payload.key }}", "", &json!({"key": " \n"})).err().unwrap();
        assert!(error.contains("shared_about") && error.contains("payload.key"), "{error}");
        let error = given("{{ payload.n / 0 }}", "a", "", &json!({"n": "x"})).err().unwrap();
        assert!(error.contains("shared_name in [webhook_in]"), "{error}");
    }
}
