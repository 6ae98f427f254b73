//! The section `[webhook_in]`.

use circuits::prelude::*;
use circuits::web::axum::http::HeaderName;
use serde::Deserialize;

use crate::route::Route;
use crate::signature::Scheme;
use crate::template::Templates;

/// It has no `Debug`, because it contains secrets.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    github_secret: String,
    github_name: String,
    github_about: String,
    github_note: String,
    standard_secret: String,
    standard_name: String,
    standard_about: String,
    standard_note: String,
    shared_secret: String,
    shared_header: String,
    shared_name: String,
    shared_about: String,
    shared_note: String,
}

impl Default for Settings {
    /// Those that the comments of app.config show.
    fn default() -> Self {
        let shown = |key: &str| {
            let lines = include_str!("app.config").lines().filter_map(|line| line.strip_prefix('#'));
            let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            values.next().unwrap_or_default().to_owned()
        };
        Self {
            github_secret: String::new(),
            github_name: shown("github_name"),
            github_about: shown("github_about"),
            github_note: shown("github_note"),
            standard_secret: String::new(),
            standard_name: shown("standard_name"),
            standard_about: shown("standard_about"),
            standard_note: shown("standard_note"),
            shared_secret: String::new(),
            shared_header: shown("shared_header"),
            shared_name: shown("shared_name"),
            shared_about: shown("shared_about"),
            shared_note: shown("shared_note"),
        }
    }
}

impl Settings {
    /// The routes that have a secret.
    ///
    /// # Errors
    /// Names the key of a secret, a header or a template that cannot work.
    pub(crate) fn routes(self) -> Result<Vec<Route>> {
        let mut routes = Vec::new();
        let mut add = |name: &'static str, scheme: Scheme, texts: [&String; 3]| -> Result<()> {
            routes.push(Route { name, scheme, templates: Templates::new(name, texts)? });
            Ok(())
        };
        if let Some(secrets) = secrets("github_secret", &self.github_secret)? {
            let texts = [&self.github_name, &self.github_about, &self.github_note];
            add("github", Scheme::github(&secrets), texts)?;
        }
        if let Some(secrets) = secrets("standard_secret", &self.standard_secret)? {
            let texts = [&self.standard_name, &self.standard_about, &self.standard_note];
            add("standard", Scheme::standard(&secrets)?, texts)?;
        }
        if let Some(secrets) = secrets("shared_secret", &self.shared_secret)? {
            let header = self.shared_header.parse::<HeaderName>();
            let header = header.map_err(|_| Error::new("shared_header is not the name of a header"))?;
            let texts = [&self.shared_name, &self.shared_about, &self.shared_note];
            add("shared", Scheme::shared(header, &secrets), texts)?;
        }
        Ok(routes)
    }
}

/// `None` if there is none.
fn secrets<'a>(key: &str, text: &'a str) -> Result<Option<Vec<&'a str>>> {
    let secrets: Vec<_> = text.split_whitespace().collect();
    if secrets.iter().any(|secret| secret.starts_with('$')) {
        return Err(Error::new(format_args!(
            "{key} names a variable that the environment does not have; set it, or comment {key} out"
        )));
    }
    if secrets.iter().any(|secret| secret.len() < 16) {
        return Err(Error::new(format_args!(
            "{key} has a secret of less than 16 characters, which can be guessed; `openssl rand -hex 32` makes a good one"
        )));
    }
    Ok(Some(secrets).filter(|secrets| !secrets.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_the_sample_shows() {
        let it = Settings::default();
        assert_eq!(it.shared_header, "X-Webhook-Secret");
        let templates = [
            [it.github_name, it.github_about, it.github_note],
            [it.standard_name, it.standard_about, it.standard_note],
            [it.shared_name, it.shared_about, it.shared_note],
        ];
        for text in templates.as_flattened() {
            assert!(text.contains("{{ ") && text.ends_with(" }}"), "{text}");
        }
    }

    #[test]
    fn a_route_is_on_with_its_secret_and_bad_secrets_are_refused_without_being_shown() {
        let names = |settings: Settings| {
            settings.routes().map(|routes| routes.iter().map(|route| route.name).collect::<Vec<_>>())
        };
        let good = || "0123456789abcdef  fedcba9876543210".to_owned();
        assert_eq!(names(Settings::default()).unwrap(), [""; 0]);
        assert_eq!(names(Settings { shared_secret: good(), ..Settings::default() }).unwrap(), ["shared"]);
        assert_eq!(names(Settings { github_secret: good(), ..Settings::default() }).unwrap(), ["github"]);
        for (settings, part) in [
            (Settings { github_secret: good() + " hunter22", ..Settings::default() }, "github_secret has"),
            (Settings { github_secret: "$HUNTER22_SECRET".into(), ..Settings::default() }, "does not have"),
            (
                Settings { standard_secret: "whsec_hunter22!hunter22!".into(), ..Settings::default() },
                "standard_secret",
            ),
            (
                Settings { shared_secret: good(), shared_header: "a b".into(), ..Settings::default() },
                "shared_header",
            ),
            (
                Settings { shared_secret: good(), shared_about: "{{ payload".into(), ..Settings::default() },
                "shared_about",
            ),
        ] {
            let error = names(settings).unwrap_err().to_string();
            assert!(error.contains(part) && !error.to_lowercase().contains("hunter22"), "{error}");
        }
    }
}
