//! `circuits config show`: every value that is in force, and where it comes from.

use std::io::Write;

use circuits::config::{Config, Effective};
use serde_json::{Map, Value, json};

use crate::overrides::Overrides;

/// Arguments of `circuits config show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON: {"section": {"key": {"value": "...", "origin": "..."}}}, null for what is not set.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let config = args.overrides.load()?;
    for warning in config.warnings() {
        anstream::eprintln!("{warning}");
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        show_json(&config, &mut out)?
    } else {
        show(&config, &mut out)?
    }
    Ok(())
}

fn show_json(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let mut sections: Map<String, Value> =
        config.sections().map(|section| (section.name().to_owned(), json!({}))).collect();
    for Effective { section, key, value, origin } in config.effective() {
        if let Some(Value::Object(keys)) = sections.get_mut(&section) {
            keys.insert(key, json!({"value": value, "origin": origin}));
        }
    }
    let text = serde_json::to_string_pretty(&sections)?;
    writeln!(out, "{text}")?;
    Ok(())
}

/// In columns: key, value, origin. Keys that nothing sets are listed too, to show what could be set.
fn show(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    const WIDEST: usize = 40;
    let all = config.effective();
    for section in config.sections() {
        writeln!(out, "[{}]", section.name())?;
        let entries: Vec<_> = all.iter().filter(|entry| entry.section == section.name()).collect();
        let text = |entry: &Effective| {
            entry.value.as_deref().map_or("(not set)".to_owned(), |value| value.replace('\n', "\\n"))
        };
        let key_width = entries.iter().map(|entry| entry.key.chars().count()).max().unwrap_or_default();
        let value_width =
            entries.iter().map(|entry| text(entry).chars().count()).max().unwrap_or_default().min(WIDEST);
        for entry in entries {
            writeln!(out, "  {:key_width$}  {:value_width$}  {}", entry.key, text(entry), entry.origin)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[resilient]\nhost=soar\napi_key_id=id\napi_key_secret=s3cret\nnum_workers=50\nstomp_timeout=5\n\
        [Not.Linked]\nlist=a\n  b\nprivate_key=k3y\n[empty]\n";

    fn shown(show: fn(&Config, &mut Vec<u8>) -> anyhow::Result<()>) -> String {
        let config = Config::from_text(TEXT).unwrap();
        let mut out = Vec::new();
        show(&config, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_has_every_value_with_its_origin() {
        let text = shown(show_json);
        let json: Value = serde_json::from_str(&text).unwrap();
        let resilient = &json["resilient"];
        assert_eq!(resilient["num_workers"], json!({"value": "50", "origin": "app.config:5"}));
        assert_eq!(resilient["port"], json!({"value": "443", "origin": "default"}));
        assert_eq!(
            resilient["stomp_prefetch_limit"],
            json!({
                "value": "100",
                "origin": "default (1100 for a destination whose handlers let messages wait)"
            })
        );
        assert_eq!(resilient["journal"], json!({"value": "circuits.journal", "origin": "default"}));
        assert_eq!(
            resilient["stomp_timeout"],
            json!({"value": "45", "origin": "app.config:6 (raised from 5)"})
        );
        assert_eq!(resilient["org"], json!({"value": null, "origin": "default"}));
        assert_eq!(resilient["api_key_secret"], json!({"value": "***", "origin": "app.config:4"}));
        assert_eq!(resilient["api_key_id"]["value"], "id");
        assert_eq!(json["Not.Linked"]["list"], json!({"value": "a\nb", "origin": "app.config:8"}));
        assert_eq!(json["Not.Linked"]["private_key"]["value"], "***");
        assert_eq!(json["empty"], json!({}));
        for key in circuits::config::keys().map(circuits::config::Key::name) {
            assert!(resilient[key].is_object(), "{key}");
        }
        assert!(!text.contains("s3cret") && !text.contains("k3y"), "{text}");
    }

    #[test]
    fn columns_have_every_value_with_its_origin() {
        let text = shown(show);
        let line =
            |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_default();
        assert_eq!(
            line("num_workers").split_whitespace().collect::<Vec<_>>(),
            ["num_workers", "50", "app.config:5"]
        );
        assert_eq!(line("org").split_whitespace().collect::<Vec<_>>(), ["org", "(not", "set)", "default"]);
        assert!(line("list").contains("a\\nb"), "{text}");
        assert!(text.contains("[empty]") && !text.contains("s3cret") && !text.contains("k3y"), "{text}");
    }
    #[test]
    fn secrets_inside_values_and_under_odd_names_are_hidden() {
        let text = "[resilient]\nhost=localhost\napi_key_id=a\napi_key_secret=b\n\
            [odbc]\nconnection=Driver={PostgreSQL};Server=db.example.com;Uid=u;Pwd=TOPSECRET1;\n\
            url=postgresql://u:TOPSECRET2@h/d\n[calendar]\nsmtppw=TOPSECRET3\nserver=mx.example.com\n";
        let config = Config::from_text(text).unwrap();
        for show in [show, show_json] {
            let mut out = Vec::new();
            show(&config, &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!(!out.contains("TOPSECRET") && out.contains("mx.example.com"), "{out}");
        }
        // Redaction also hides a part of such a value that a log quotes.
        let redactor = circuits::redact::Redactor::new(config.secrets());
        assert_eq!(
            redactor.hide("login with TOPSECRET1, TOPSECRET2, TOPSECRET3"),
            "login with ***, ***, ***"
        );
    }
}
