//! `submit` and `submitfile`: one action and its outcome; with `--watch`, again after each restart of the runner.

use crate::exit::Ended;
use crate::link::Event;
use crate::order::Order;
use crate::session::Session;
use crate::{print, show};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Watch {
    /// Submit it again whenever the runner has restarted, until Ctrl-C.
    #[arg(long)]
    pub(super) watch: bool,
}

impl Watch {
    pub(super) async fn submit(
        &self,
        session: &Session,
        file: Option<&str>,
        order: impl Fn() -> anyhow::Result<Order>,
    ) -> anyhow::Result<Ended> {
        loop {
            let ended = submit(session, order()?, file, |line| drop(print::out(&line))).await;
            if !self.watch {
                return Ok(ended);
            }
            session.restarted().await;
        }
    }
}

/// Submits an action and hands its outcome to `print`, interim statuses as they come.
pub(super) async fn submit(
    session: &Session,
    order: Order,
    file: Option<&str>,
    mut print: impl FnMut(String),
) -> Ended {
    let json = session.target.json;
    let destination = order.destination.clone();
    let told = session
        .submit(order, |event, took| {
            if let (Event::Status(status), false) = (event, json) {
                print(show::pending(status, took));
            }
        })
        .await;
    print(if json { show::as_json(&told, &destination, file).to_string() } else { show::ending(&told) });
    told.ended
}
