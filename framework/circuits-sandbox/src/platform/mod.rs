//! The platform behind the broker and the REST API: accounts, definitions, objects and invocations, in memory behind one
//! short lock.
mod accounts;
mod definitions;
mod firing;
mod fixtures;
mod identity;
mod ids;
mod imports;
mod invocations;
mod kind;
mod new_objects;
mod newsfeed;
mod patch;
mod state;
mod store;
mod token;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use definitions::{Format, TypeDef};
pub(crate) use firing::{Cause, Outgoing, Subject};
pub(crate) use identity::{Account, Identity, Role, SECOND_ORG};
pub(crate) use ids::new_uuid;
pub(crate) use invocations::{Received, Record};
pub(crate) use kind::Kind;
pub(crate) use new_objects::text_of;
pub(crate) use state::State;

use crate::event::{Event, Events};
use crate::invocation::{Invocation, InvocationId};
use crate::wait;

/// The platform; the broker, the REST server and the sandbox share it.
pub(crate) struct Platform {
    state: Mutex<State>,
    /// Signalled after each change of an invocation.
    changed: Notify,
    pub(crate) events: Events,
    pub(crate) identity: Identity,
}

impl Platform {
    pub(crate) fn new(identity: Identity) -> Self {
        let state = Mutex::new(fixtures::state(&identity));
        Self { state, changed: Notify::new(), events: Events::new(), identity }
    }

    /// The lock is held for one change and never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn broker_login(&self, login: &str, passcode: &str) -> Option<Account> {
        self.identity.account(login, passcode)
    }

    /// Whether the account may subscribe: to existing destinations that list it.
    pub(crate) fn may_read(&self, account: &Account, queue: &str) -> bool {
        let prefix = format!("actions.{}.", self.identity.org_id);
        account.role == Role::Admin
            || queue
                .strip_prefix(&prefix)
                .is_some_and(|name| self.lock().definitions.destination_lists(name, account))
    }

    /// Whether the account may send: to the reply queues of its organisation.
    pub(crate) fn may_write(&self, account: &Account, queue: &str) -> bool {
        account.role == Role::Admin || queue.starts_with(&format!("acks.{}.", self.identity.org_id))
    }

    /// Announces fired rules to those who watch the events.
    pub(crate) fn announce(&self, outgoing: &[Outgoing]) {
        for message in outgoing {
            let (invocation, name) = (message.invocation, message.rule.clone());
            let (incident, queue) = (message.incident, message.queue.clone());
            self.events.emit(|| match message.function {
                true => Event::FunctionCalled { invocation, function: name, queue },
                false => Event::RuleFired { invocation, rule: name, incident, queue },
            });
        }
        self.changed.notify_waiters();
    }

    /// Takes a reply from an `acks` queue; returns the message with which its workflow continues.
    pub(crate) fn take_reply(&self, received: Received) -> Option<Outgoing> {
        let taken = self.lock().take_reply(received);
        let mut next = None;
        if let Some((event, then)) = taken {
            self.events.emit(|| event);
            next = then.and_then(|course| self.lock().advance(course));
        }
        self.announce(next.as_slice());
        next
    }

    pub(crate) fn invocation(&self, id: InvocationId) -> Option<Invocation> {
        self.lock().invocations.get(id).map(Record::snapshot)
    }

    /// Waits until the invocation exists and `holds` accepts it. Each one has its own signal: thousands of waits are cheap.
    pub(crate) async fn until(&self, id: InvocationId, holds: impl Fn(&Invocation) -> bool) -> Invocation {
        let progress = || self.lock().invocations.get(id).map(Record::progress);
        let progress = wait::until(&self.changed, progress).await;
        wait::until(&progress.changed, || self.invocation(id).filter(|invocation| holds(invocation))).await
    }

    /// Waits until `look` finds something; it is called again after each change of an invocation.
    pub(crate) async fn when<T>(&self, look: impl FnMut() -> Option<T>) -> T {
        wait::until(&self.changed, look).await
    }
}
