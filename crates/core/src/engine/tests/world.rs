//! An interpreter with a store that keeps what was committed, and a world in which launches run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::model::Model;
use super::*;
use crate::record::TrialRecord;

pub(super) struct World {
    pub(super) snapshot: Snapshot,
    stored: Snapshot,
    pub(super) trials: BTreeMap<u64, TrialRecord>,
    /// Launches by (trial, attempt); a second launch of one is the failure we fear.
    pub(super) launched: BTreeSet<(u64, u32)>,
    pub(super) running: BTreeSet<(u64, u32)>,
    pub(super) now: Timestamp,
    pub(super) model: Model,
    suggestions_left: u64,
    question: Option<Question>,
}

/// What the optimizer was asked, and what it knew then.
#[derive(Clone, Copy)]
struct Question {
    count: u64,
    finished: u64,
    has_active: bool,
}

/// How the optimizer answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    Enough,
    TooMany,
    Nothing,
    Failure,
    Refusal,
}

impl World {
    pub(super) fn new(record: ExperimentRecord, suggestions_left: u64) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let model = Model::new(&record.spec, now);
        let mut snapshot = Snapshot::create(record, now);
        let _ = snapshot.take_change();
        Self {
            stored: snapshot.clone(),
            snapshot,
            trials: BTreeMap::new(),
            launched: BTreeSet::new(),
            running: BTreeSet::new(),
            now,
            model,
            suggestions_left,
            question: None,
        }
    }

    pub(super) fn apply(&mut self, event: Event, commit: bool) -> bool {
        if self.snapshot.apply(event.clone(), self.now).is_err() {
            return false;
        }
        if !commit {
            self.crash();
            return false;
        }
        self.model.take(event, self.now);
        let change = self.snapshot.take_change();
        for trial in change.trials {
            self.trials.insert(trial.number, trial);
        }
        let active = self
            .trials
            .values()
            .filter(|trial| trial.state.is_active())
            .cloned();
        self.stored = Snapshot::load(change.record, 0, active);
        assert_eq!(
            self.snapshot, self.stored,
            "memory and store agree after a commit"
        );
        true
    }

    /// An event that does not fit is refused and changes nothing.
    pub(super) fn refuses(&mut self, event: Event) {
        let before = self.snapshot.clone();
        let refused = self.snapshot.apply(event.clone(), self.now);
        assert!(refused.is_err(), "{event:?} was taken");
        assert_eq!(self.snapshot, before);
    }

    pub(super) fn crash(&mut self) {
        self.question = None;
        self.snapshot = read_again(&self.stored);
        assert_eq!(self.snapshot, self.stored, "what is read is what was kept");
        // A launch whose start was committed but that never happened is launched by the next interpreter: by attempt, once.
        let expected: Vec<(u64, u32)> = self
            .snapshot
            .in_state(TrialState::Running)
            .map(|trial| (trial.number, trial.attempt))
            .collect();
        for launch in expected {
            if self.launched.insert(launch) {
                self.running.insert(launch);
            }
        }
    }

    /// Carries out an action, or dies before it is committed.
    pub(super) fn carry_out(&mut self, action: Action, commit: bool) {
        match action {
            Action::Suggest { count } => {
                self.ask(count);
                self.answer(Answer::Enough, commit);
            }
            Action::Start { trial } => self.start(trial, commit),
            Action::Stop { trial, cause } => self.stop(trial, cause, commit),
            Action::Finish(outcome) => {
                self.apply(Event::Finished(outcome), commit);
            }
            Action::WakeAt(time) => self.now = time,
        }
    }

    /// Asks the optimizer, unless it thinks already.
    pub(super) fn ask(&mut self, count: u64) {
        self.question.get_or_insert(Question {
            count,
            finished: self.snapshot.record.progress.counts.finished(),
            has_active: !self.snapshot.active.is_empty(),
        });
    }

    /// The optimizer answers what it was asked, with what it knew then.
    pub(super) fn answer(&mut self, answer: Answer, commit: bool) {
        let Some(question) = self.question.take() else {
            return;
        };
        let Question {
            count,
            finished,
            has_active,
        } = question;
        let wanted = match answer {
            Answer::Enough => count,
            Answer::TooMany => count + 2,
            Answer::Nothing => 0,
            Answer::Failure | Answer::Refusal => {
                let message = "unavailable".to_owned();
                let permanent = answer == Answer::Refusal;
                let event = Event::SuggestionFailed { message, permanent };
                self.apply(event, commit);
                return;
            }
        };
        let given = wanted.min(self.suggestions_left);
        let next = match answer {
            _ if given < wanted => OptimizerState::Exhausted,
            // Who waits for no trial would wait for ever.
            Answer::Nothing if has_active => OptimizerState::Waiting {
                finished,
                why: "results".into(),
            },
            _ => OptimizerState::Ready,
        };
        let points = (0..given).map(|_| Point::default()).collect();
        let settings = Vec::new();
        let event = Event::Suggested {
            points,
            settings,
            next,
        };
        if self.apply(event, commit) {
            self.suggestions_left -= given;
        }
    }

    fn start(&mut self, trial: u64, commit: bool) {
        let attempt = self.snapshot.active[&trial].attempt;
        if !self.apply(Event::Started { trial }, commit) {
            return;
        }
        assert!(self.launched.insert((trial, attempt)), "launched twice");
        self.running.insert((trial, attempt));
        assert!(
            self.running.len() as u64 <= self.snapshot.parallel(),
            "started beside too many"
        );
    }

    fn stop(&mut self, trial: u64, cause: StopCause, commit: bool) {
        if !self.apply(Event::Stopping { trial, cause }, commit) {
            return;
        }
        let mut launches = self.running.iter().copied();
        if let Some((trial, attempt)) = launches.find(|(number, _)| *number == trial) {
            let end = End::Failed("terminated".into());
            self.end(trial, attempt, end, accuracy("0.3"), true);
        }
    }

    /// A launch ends. If the interpreter dies before it has committed that, the next one finds the launch ended.
    pub(super) fn end(
        &mut self,
        trial: u64,
        attempt: u32,
        end: End,
        observation: Observation,
        commit: bool,
    ) {
        if commit {
            self.running.remove(&(trial, attempt));
        }
        let event = Event::Ended {
            trial,
            attempt,
            end,
            observation,
        };
        self.apply(event, commit);
    }

    /// Lets everything run its course without further crashes or edits.
    pub(super) fn run_out(&mut self) {
        for _ in 0..20_000 {
            let due = step(&self.snapshot, self.now);
            if let Some(action) = due.into_iter().next() {
                self.carry_out(action, true);
            } else if self.running.is_empty() {
                break;
            } else {
                self.end_the_first();
            }
            let full = self.running.len() as u64 >= self.snapshot.parallel();
            if full && !self.snapshot.is_completed() {
                self.end_the_first();
            }
        }
    }

    fn end_the_first(&mut self) {
        if let Some((trial, attempt)) = self.running.first().copied() {
            self.end(trial, attempt, End::Succeeded, accuracy("0.1"), true);
        }
    }
}

/// As a store keeps it: as JSON.
fn read_again(stored: &Snapshot) -> Snapshot {
    fn trip<T: Serialize + DeserializeOwned>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }
    let active = stored.active.values().map(trip);
    Snapshot::load(trip(&stored.record), stored.version, active)
}
