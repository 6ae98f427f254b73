//! A gate that lets a limited number of actions through at a time, in the order in which they came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Seating;
use crate::delivery::lanes::Ticket;
use crate::delivery::seat::Seat;

/// The gate. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    free: usize,
    next_id: u64,
    line: VecDeque<Waiting>,
}

struct Waiting {
    id: u64,
    seat: Arc<Seat>,
    seating: Seating,
    enter: oneshot::Sender<Entry>,
}

/// A place behind the gate, and a ticket for a place in the lane if the action waited outside it.
struct Entry {
    permit: Permit,
    ticket: Option<Ticket>,
}

/// A place behind the gate, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Option<Gate>);

/// A place in the line before the gate; given up when it is dropped.
struct InLine<'a> {
    gate: &'a Gate,
    id: u64,
}

impl Gate {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Places { free: places, next_id: 0, line: VecDeque::new() })))
    }

    /// Waits for a place. `inside` says what the handler behind the gate does with its seat: if it leaves the lane, those
    /// that wait leave it too. One that waited in the lane would keep the one behind the gate from coming back, forever.
    pub(super) async fn enter(&self, seat: &Arc<Seat>, inside: Seating) -> Permit {
        let (enter, entry) = oneshot::channel();
        let id = {
            let mut places = self.lock();
            if places.free > 0 {
                places.free -= 1;
                return Permit(Some(self.clone()));
            }
            let id = places.next_id;
            places.next_id += 1;
            places.line.push_back(Waiting { id, seat: Arc::clone(seat), seating: inside, enter });
            id
        };
        let _in_line = InLine { gate: self, id };
        let entry = async {
            match entry.await {
                Ok(Entry { permit, ticket }) => (permit, ticket),
                // The gate outlives its line.
                Err(_) => std::future::pending().await,
            }
        };
        match inside {
            Seating::LeavesLane => seat.wait_outside(entry).await,
            Seating::Stays | Seating::WaitsInLane => seat.wait_in_lane(async { entry.await.0 }).await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    /// Hands the place to the next in line that still wants it.
    fn drop(&mut self) {
        let Some(gate) = self.0.take() else { return };
        let mut places = gate.lock();
        while let Some(next) = places.line.pop_front() {
            // The ticket is drawn here, so that the order of the line is that of the lane.
            let ticket = match next.seating {
                Seating::LeavesLane => next.seat.ticket(),
                Seating::Stays | Seating::WaitsInLane => None,
            };
            match next.enter.send(Entry { permit: Self(Some(gate.clone())), ticket }) {
                Ok(()) => return,
                // It must not be dropped as it is: that would take the lock again.
                Err(mut unwanted) => unwanted.permit.0 = None,
            }
        }
        places.free += 1;
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let mut places = self.gate.lock();
        let unwanted = places.line.iter().position(|one| one.id == self.id);
        let unwanted = unwanted.and_then(|position| places.line.remove(position));
        // It may hold the last reference to a seat whose drop takes locks of its own.
        drop(places);
        drop(unwanted);
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("id", &self.id).finish_non_exhaustive()
    }
}
