//! Reports to systemd: ready when everything is subscribed, alive while it makes progress, what it is doing, and that it stops.

use std::time::Duration;

use circuits::Report;
use sd_notify::NotifyState;

use super::Subject;

/// How often to look, unless the watchdog needs a sign of life more often.
const LOOK: Duration = Duration::from_secs(1);

/// Reports until the process ends; does nothing without systemd.
pub(super) async fn follow(subject: Subject) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let watchdog = sd_notify::watchdog_enabled();
    let pause = watchdog.map_or(LOOK, |limit| LOOK.min(limit / 3));
    let (mut said, mut was_ready) = (String::new(), false);
    loop {
        let report = subject.report();
        let now = text(report.as_ref());
        if now != said {
            tell(&[NotifyState::Status(&now)]);
            said = now;
        }
        if !was_ready && report.as_ref().is_some_and(Report::is_ready) {
            tell(&[NotifyState::Ready]);
            was_ready = true;
        }
        if watchdog.is_some() && report.as_ref().is_none_or(Report::is_live) {
            tell(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(pause).await;
    }
}

/// Reports that the runner has been asked to stop.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn text(report: Option<&Report>) -> String {
    let Some(report) = report else { return "starting".to_owned() };
    match report.stuck.iter().chain(&report.unready).next() {
        Some(problem) => problem.lines().next().unwrap_or_default().to_owned(),
        None => format!(
            "ready; {} running, {} waiting, {} handled",
            report.running.len(),
            report.waiting + report.queued,
            report.handled
        ),
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(%error, "systemd could not be notified");
    }
}
