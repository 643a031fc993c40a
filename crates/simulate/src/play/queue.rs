//! What happens next, by virtual time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Running;

/// The trials that run, each with the moment at which it is to be looked at.
#[derive(Default)]
pub(super) struct Queue {
    now: f64,
    heap: BinaryHeap<Moment>,
}

struct Moment {
    at: f64,
    number: u64,
    running: Running,
}

impl Queue {
    /// Virtual seconds since the beginning.
    pub(super) fn now(&self) -> f64 {
        self.now
    }

    /// How many trials run.
    pub(super) fn running(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn put(&mut self, at: f64, number: u64, running: Running) {
        let moment = Moment {
            at,
            number,
            running,
        };
        self.heap.push(moment);
    }

    /// The trial that is next; it is its moment now.
    pub(super) fn take(&mut self) -> Option<(u64, Running)> {
        let moment = self.heap.pop()?;
        self.now = moment.at;
        Some((moment.number, moment.running))
    }
}

// The heap gives its largest first: the earliest, and of those the one that was suggested first.
impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        let later = other.at.total_cmp(&self.at);
        later.then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Moment {}
