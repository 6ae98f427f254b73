//! One use of the tool: a connection, restored when the runner has restarted, and the commands that run over it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::cli::Target;
use crate::exit::{Ended, NoRunner};
use crate::link::{Event, Link};
use crate::order::{Order, Told};
use crate::print;

/// The pause between two tries to reach a runner that is restarting.
const RETRY: Duration = Duration::from_millis(500);

/// One use of the tool.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) target: Target,
    link: Mutex<Arc<Link>>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// [`NoRunner`] if there is no runner.
    pub(crate) async fn open(target: Target) -> anyhow::Result<Self> {
        let link = Link::open(&target).await?;
        Ok(Self { target, link: Mutex::new(Arc::new(link)) })
    }

    /// The connection. If the runner went away, this waits for it as long as for a reply.
    async fn link(&self) -> anyhow::Result<Arc<Link>> {
        let link = tokio::time::timeout(self.target.timeout(), self.standing()).await;
        link.map_err(|_| NoRunner("the runner went away and did not come back in time".to_owned()).into())
    }

    /// The connection, restored if it is gone, however long that takes.
    async fn standing(&self) -> Arc<Link> {
        let mut link = self.link.lock().await;
        if !link.is_up() {
            print::note("Connection to Test Server has died.  Trying to reconnect...");
            *link = loop {
                tokio::time::sleep(RETRY).await;
                if let Ok(link) = Link::open(&self.target).await {
                    break Arc::new(link);
                }
            };
            print::note("Connection Restored.");
        }
        Arc::clone(&link)
    }

    /// Waits until the runner has gone away and come back.
    pub(crate) async fn restarted(&self) {
        self.standing().await.gone().await;
        self.standing().await;
    }

    /// Submits an action and waits for its outcome. `heard` receives the events as they come.
    pub(crate) async fn submit(&self, order: Order, mut heard: impl FnMut(&Event, Duration)) -> Told {
        let begun = Instant::now();
        let mut told = Told {
            ended: Ended::NoRunner,
            statuses: Vec::new(),
            reply: None,
            problem: None,
            took: Duration::ZERO,
        };
        let submitted = async { self.link().await?.submit(order).await }.await;
        let mut events = match submitted {
            Ok(events) => events,
            Err(error) => {
                told.problem = Some(format!("{error:#}"));
                return told;
            }
        };
        let deadline = tokio::time::Instant::now() + self.target.timeout();
        loop {
            let event = tokio::time::timeout_at(deadline, events.recv()).await;
            told.took = begun.elapsed();
            if let Ok(Some(event)) = &event {
                heard(event, told.took);
            }
            match event {
                Ok(Some(Event::Submitted)) => {}
                Ok(Some(Event::Status(status))) => told.statuses.push(status),
                Ok(Some(Event::Final(reply))) => {
                    told.ended = if reply["message_type"] == 1 { Ended::Error } else { Ended::Completed };
                    told.reply = Some(reply);
                    return told;
                }
                Ok(Some(Event::Refused(why))) => {
                    told.ended = Ended::Error;
                    told.problem = Some(why);
                    return told;
                }
                Ok(None) => {
                    told.problem = Some("the runner went away before it answered".to_owned());
                    return told;
                }
                Err(_) => {
                    told.ended = Ended::NoReply;
                    told.problem = Some(format!("no reply within {:?}", self.target.timeout()));
                    return told;
                }
            }
        }
    }
}
