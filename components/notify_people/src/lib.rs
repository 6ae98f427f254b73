//! Sends news of an incident by mail, by webhook or both.
//!
//! Shows settings that depend on each other and are checked at start, secrets that appear in no error and no reply, and how
//! to make text that people have typed into an incident harmless: see `template`, `mail` and `webhook`.

mod customize;
mod mail;
mod settings;
mod template;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;

use crate::mail::Mail;
use crate::settings::Settings;
use crate::template::Templates;
use crate::webhook::Webhook;

circuits::register! {
    Registration::new("notify", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

struct Notify {
    templates: Templates,
    mail: Option<Mail>,
    webhook: Option<Webhook>,
    time_limit: Duration,
}

fn component(setup: &Setup) -> Result<Component> {
    let settings: Settings = setup.settings()?;
    let notify = build(&settings).map_err(|error| error.context("[notify] in app.config"))?;
    Ok(Component::builder("notify", notify).on("Notify", Notify::tell).check(Notify::reach).build())
}

fn build(settings: &Settings) -> Result<Notify> {
    Ok(Notify {
        templates: Templates::load(settings)?,
        mail: Mail::new(settings)?,
        webhook: settings.webhook_url.as_deref().map(Webhook::new).transpose()?,
        time_limit: settings.time_limit()?,
    })
}

impl Notify {
    /// For `circuits selftest`: sends nothing.
    async fn reach(self: Arc<Self>) -> Result<String> {
        let mail = match &self.mail {
            None => "no mail is set up",
            Some(mail) => {
                mail.reach().await?;
                "the mail server takes the login"
            }
        };
        let webhook =
            if self.webhook.is_some() { "the webhook is called by actions only" } else { "no webhook" };
        Ok(format!("{mail}, {webhook}"))
    }

    async fn tell(self: Arc<Self>, action: Action) -> Result<Reply> {
        if self.mail.is_none() && self.webhook.is_none() {
            return Err(Error::new(
                "Nothing was sent: set smtp_host, mail_from and mail_to, or webhook_url, in [notify] of app.config",
            ));
        }
        let context = template::context(&action);
        let (mut told, mut failed) = (Vec::new(), Vec::new());
        if let Some(mail) = &self.mail {
            let send = async {
                let (subject, text) = self.templates.mail(&context)?;
                mail.send(&subject, text, action.key()).await
            };
            match self.in_time(send).await {
                Ok(()) => told.push("mail sent".to_owned()),
                Err(error) => failed.push(format!("mail not sent: {error}")),
            }
        }
        if let Some(webhook) = &self.webhook {
            let send = async { webhook.send(self.templates.webhook(&context)?, action.key()).await };
            match self.in_time(send).await {
                Ok(()) => told.push("webhook called".to_owned()),
                Err(error) => failed.push(format!("webhook failed: {error}")),
            }
        }
        let failures = !failed.is_empty();
        failed.append(&mut told);
        let text = failed.join("; ");
        Ok(if failures { Reply::error(text) } else { Reply::completed(text) })
    }

    async fn in_time(&self, send: impl Future<Output = Result<()>>) -> Result<()> {
        tokio::time::timeout(self.time_limit, send).await.unwrap_or_else(|_| {
            let seconds = self.time_limit.as_secs();
            Err(Error::new(format_args!("not finished within {seconds} s (time_limit in [notify])")))
        })
    }
}
