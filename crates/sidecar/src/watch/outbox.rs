//! What was read and is to be told.

use std::collections::VecDeque;
use std::time::Duration;

use diwan_core::observation::MetricPoint;
use diwan_core::sidecar::SidecarConfig;
use serde_json::Value;
use tokio::time::Instant;

use super::batch::{self, MOST_POINTS, Stamps};
use super::deliver::{Delivery, Item};
use super::journal::{self, Entry, Journal};
use crate::shared::Shared;
use crate::{clock, say};

/// The shortest time between two reports, unless there is more to tell than one takes.
const PAUSE: Duration = Duration::from_secs(1);

/// Points that may wait in memory. What is more stays in the file it is in.
const MOST_WAITING: usize = 100_000;

pub(super) struct Outbox {
    journal: Option<Journal>,
    stamps: Stamps,
    /// Read, and in no report yet.
    pending: Vec<MetricPoint>,
    /// The report before.
    last: Vec<MetricPoint>,
    /// When that was made.
    since: Option<Instant>,
    /// What was sent and is not done, in order.
    sent: VecDeque<Item>,
    done: u64,
    /// What was done when delivery began.
    done_before: u64,
    delivery: Delivery,
}

/// What an earlier collector of the trial has left.
#[derive(Default)]
pub(super) struct Left {
    /// Where to read on.
    pub(super) mark: Option<Value>,
    /// Whether it has told that the trial is stopped, or was about to.
    pub(super) has_fired: bool,
    items: VecDeque<Item>,
    stamps: Stamps,
    last: Vec<MetricPoint>,
    done: u64,
}

fn report(points: Vec<MetricPoint>) -> Item {
    Item::Report(points.into())
}

impl Left {
    fn take(&mut self, entry: Entry, each: &mut impl FnMut(&MetricPoint)) {
        match entry {
            Entry::Read { mark, points } => {
                let points = journal::points(points);
                points.iter().for_each(each);
                self.stamps.resume(&points);
                self.mark = Some(mark);
                let reports = batch::cut(points);
                if let Some(last) = reports.last() {
                    self.last.clone_from(last);
                }
                self.items.extend(reports.into_iter().map(report));
            }
            Entry::Fired(_) => {
                self.has_fired = true;
                self.items.push_back(Item::Stopped);
            }
            Entry::Done(done) => {
                for _ in self.done..done {
                    self.items.pop_front();
                }
                self.done = done;
            }
        }
    }
}

impl Outbox {
    /// Goes on where an earlier collector of the trial was; `each` gets all points that it has read.
    ///
    /// # Errors
    /// When an address is none.
    pub(super) fn open(
        config: &SidecarConfig,
        mut each: impl FnMut(&MetricPoint),
    ) -> Result<(Self, Left), String> {
        let mut left = Left::default();
        let path = Shared::new(&config.dir).journal();
        let journal = Journal::open(&path, |entry| left.take(entry, &mut each));
        if let Err(error) = &journal {
            let path = path.display();
            say(&format!(
                "{path} cannot be kept, so what was read may be reported twice if this container starts again: {error}"
            ));
        }
        let delivery = Delivery::start(config)?;
        let mut outbox = Self {
            journal: journal.ok(),
            stamps: std::mem::take(&mut left.stamps),
            pending: Vec::new(),
            last: std::mem::take(&mut left.last),
            since: None,
            sent: VecDeque::new(),
            done: left.done,
            done_before: left.done,
            delivery,
        };
        for item in left.items.drain(..) {
            outbox.send(item);
        }
        Ok((outbox, left))
    }

    /// Takes points that were just read.
    pub(super) fn add(&mut self, mut points: Vec<MetricPoint>) {
        self.stamps.stamp(&mut points, clock::nanoseconds());
        self.pending.append(&mut points);
    }

    /// Makes reports of what waits, if it is time. `mark` is where the next points are read.
    pub(super) fn report(&mut self, mark: impl FnOnce() -> Value, is_now: bool) {
        let is_time = self.since.is_none_or(|since| since.elapsed() >= PAUSE) && self.is_idle();
        let is_due = is_now || is_time || self.pending.len() >= MOST_POINTS;
        if self.pending.is_empty() || !is_due {
            return;
        }
        self.since = Some(Instant::now());
        let points = std::mem::take(&mut self.pending);
        let points = self.told_apart(batch::cut(points));
        self.keep(&Entry::read(mark(), &points));
        for points in batch::cut(points) {
            self.send(report(points));
        }
    }

    /// Tells that the trial is stopped, after all that was read.
    pub(super) fn stopped(&mut self, reason: String) {
        self.keep(&Entry::Fired(reason));
        self.send(Item::Stopped);
    }

    /// Waits for something to be delivered.
    pub(super) async fn changed(&mut self) {
        self.delivery.changed().await;
    }

    /// Takes note of what was delivered.
    pub(super) fn note_progress(&mut self) {
        let done = self.done_before + self.delivery.progress().done;
        if done > self.done {
            for _ in self.done..done {
                self.sent.pop_front();
            }
            self.done = done;
            self.keep(&Entry::Done(done));
        }
    }

    /// Whether everything that was sent is done.
    pub(super) fn is_idle(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether no more is to be read now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= MOST_WAITING
    }

    /// How many points are not delivered.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len() + self.sent.iter().map(Item::points).sum::<usize>()
    }

    /// What is not delivered, for somebody else to deliver.
    pub(super) fn left(&self) -> Vec<Item> {
        let unsent = batch::cut(self.pending.clone()).into_iter().map(report);
        self.sent.iter().cloned().chain(unsent).collect()
    }

    /// Things that were delivered, and points that wait: what [`left`](Self::left) returns changes with them.
    pub(super) fn progress(&self) -> (u64, usize) {
        (self.done, self.waiting())
    }

    /// Why the next thing is not delivered yet.
    pub(super) fn trouble(&self) -> Option<String> {
        self.delivery.progress().trouble
    }

    fn send(&mut self, item: Item) {
        self.sent.push_back(item.clone());
        self.delivery.send(item);
    }

    /// The same points with no report equal to the one before: a trial that prints the same twice within the precision of its
    /// own times has reported twice.
    fn told_apart(&mut self, mut reports: Vec<Vec<MetricPoint>>) -> Vec<MetricPoint> {
        for report in &mut reports {
            if batch::is_equal(report, &self.last)
                && let Some(point) = report.first_mut()
            {
                point.time_ns = point.time_ns.map(|time| time.saturating_add(1));
            }
            self.last.clone_from(report);
        }
        reports.concat()
    }

    fn keep(&mut self, entry: &Entry) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        if let Err(error) = journal.write(entry) {
            say(&format!(
                "what was read cannot be kept, so it may be reported twice if this container starts again: {error}"
            ));
            self.journal = None;
        }
    }
}
