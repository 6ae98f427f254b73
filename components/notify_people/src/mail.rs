//! Mail over SMTP. The library encodes headers and text; sender and recipients are parsed once, at start.

use circuits::prelude::*;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::settings::{Security, Settings};

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// A way to send mail.
pub(crate) struct Mail {
    smtp: Smtp,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// `None` if no mail is wanted.
    ///
    /// # Errors
    /// When settings are missing or do not fit together.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>> {
        let Some(host) = settings.smtp_host.as_deref() else {
            // Incomplete settings are more likely a mistake than an intention.
            let alone = settings.mail_from.is_some() || !settings.mail_to.is_empty();
            return if alone {
                Err(Error::new("mail_from and mail_to need smtp_host too"))
            } else {
                Ok(None)
            };
        };
        let from =
            settings.mail_from.as_deref().ok_or_else(|| Error::new("smtp_host needs mail_from too"))?;
        if settings.mail_to.is_empty() {
            return Err(Error::new("smtp_host needs mail_to too"));
        }
        let to = settings.mail_to.iter().map(|to| mailbox("mail_to", to)).collect::<Result<_>>()?;
        Ok(Some(Self { smtp: smtp(host, settings)?, from: mailbox("mail_from", from)?, to }))
    }

    /// Connects and logs in, and does nothing else.
    pub(crate) async fn reach(&self) -> Result<()> {
        let answers = self.smtp.test_connection().await?;
        answers.then_some(()).ok_or_else(|| Error::new("the mail server (smtp_host) closed the connection"))
    }

    /// Sends one mail. `key` identifies the action: a mail that is sent again has the same `Message-ID`.
    pub(crate) async fn send(&self, subject: &str, text: String, key: &str) -> Result<()> {
        let id: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let mut message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .from(self.from.clone())
            .subject(subject)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        self.smtp.send(message.body(text)?).await?;
        Ok(())
    }
}

fn smtp(host: &str, settings: &Settings) -> Result<Smtp> {
    let mut builder = match settings.smtp_security {
        Security::Starttls => Smtp::starttls_relay(host)?,
        Security::Tls => Smtp::relay(host)?,
        Security::None => Smtp::builder_dangerous(host),
    };
    if let Some(port) = settings.smtp_port {
        builder = builder.port(port);
    }
    builder = match (&settings.smtp_user, &settings.smtp_password) {
        (None, None) => builder,
        (Some(_), Some(_)) if settings.smtp_security == Security::None && !is_this_machine(host) => {
            return Err(Error::new(
                "smtp_security=none would send smtp_password in the clear; use starttls or tls",
            ));
        }
        (Some(user), Some(password)) => builder.credentials(Credentials::new(user.clone(), password.clone())),
        _ => return Err(Error::new("smtp_user and smtp_password go together: set both or none")),
    };
    Ok(builder.build())
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox> {
    text.parse()
        .map_err(|error| Error::from(error).context(format_args!("{key}: \"{text}\" is not a mail address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_clear_passwords_are_refused() {
        let whole = || Settings {
            smtp_host: Some("smtp.example.com".to_owned()),
            mail_from: Some("SOC <soc@example.com>".to_owned()),
            mail_to: vec!["a@example.com".to_owned()],
            ..Settings::default()
        };
        assert!(Mail::new(&whole()).unwrap().is_some());
        assert!(Mail::new(&Settings::default()).unwrap().is_none());
        let (user, password) = (Some("u".to_owned()), Some("hunter22".to_owned()));
        for (settings, part) in [
            (Settings { smtp_host: None, ..whole() }, "smtp_host"),
            (Settings { mail_from: None, ..whole() }, "mail_from"),
            (Settings { mail_to: Vec::new(), ..whole() }, "mail_to"),
            (
                Settings { mail_to: vec!["a@b@c".to_owned()], ..whole() },
                "mail_to: \"a@b@c\" is not a mail address",
            ),
            (Settings { smtp_user: user.clone(), ..whole() }, "smtp_password"),
            (
                Settings {
                    smtp_user: user,
                    smtp_password: password,
                    smtp_security: Security::None,
                    ..whole()
                },
                "in the clear",
            ),
        ] {
            let error = Mail::new(&settings).err().unwrap().to_string();
            assert!(error.contains(part) && !error.contains("hunter22"), "{error}");
        }
    }
}
