//! The threads that play experiments.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use diwan_simulate::bench::{Cell, CellError, CellResult, Plan};
use diwan_simulate::play::Caller;
use tokio::sync::mpsc;

use crate::clock::thread_time;

/// Threads that take one experiment of a plan after the other. They end when it is done or [`Crew::stop`] was called; an
/// optimizer that thinks meanwhile is waited for by nobody.
pub(super) struct Crew {
    results: mpsc::UnboundedReceiver<(Cell, CellResult)>,
    work: Arc<Work>,
}

/// What the threads share.
struct Work {
    plan: Arc<Plan>,
    cells: Vec<Cell>,
    taken: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Crew {
    pub(super) fn start(plan: &Arc<Plan>, threads: usize) -> Self {
        let work = Arc::new(Work {
            plan: plan.clone(),
            cells: plan.cells(),
            taken: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
        });
        let (sender, results) = mpsc::unbounded_channel();
        for _ in 0..threads {
            let (work, sender) = (work.clone(), sender.clone());
            thread::spawn(move || work.run(&sender));
        }
        Self { results, work }
    }

    /// What came of the next experiment; nothing when all are played.
    pub(super) async fn next(&mut self) -> Option<(Cell, CellResult)> {
        self.results.recv().await
    }

    /// Begins no further experiment.
    pub(super) fn stop(&self) {
        self.work.is_stopped.store(true, Ordering::Relaxed);
    }
}

impl Work {
    fn run(&self, results: &mpsc::UnboundedSender<(Cell, CellResult)>) {
        while let Some(cell) = self.take() {
            let goes_on = || !self.is_stopped.load(Ordering::Relaxed);
            let caller = Caller {
                meter: &thread_time,
                goes_on: &goes_on,
            };
            // A plan is only read.
            let played = catch_unwind(AssertUnwindSafe(|| cell.play(&self.plan, &caller)));
            let played = played.unwrap_or(Err(CellError::BrokeDown));
            if results.send((cell, played)).is_err() {
                return;
            }
        }
    }

    fn take(&self) -> Option<Cell> {
        let place = self.taken.fetch_add(1, Ordering::Relaxed);
        let cell = self.cells.get(place).copied();
        cell.filter(|_| !self.is_stopped.load(Ordering::Relaxed))
    }
}
