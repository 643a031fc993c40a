//! What may happen next.

use proptest::prelude::*;

use super::world::Answer;
use super::*;
use crate::validate::{Context, validate, validate_edit};
use crate::view::{self, NamesByState};

#[derive(Clone, Debug)]
pub(super) enum Move {
    /// Carry out the n-th action that is due, committing it or dying before the commit; the optimizer is only asked.
    Act { which: usize, commit: bool },
    /// The optimizer answers, if it was asked.
    Answer { answer: Answer, commit: bool },
    /// The n-th running launch ends; the interpreter commits it, or dies before.
    End {
        which: usize,
        how: u8,
        value: f64,
        commit: bool,
    },
    /// Somebody stops the n-th active trial.
    StopTrial { which: usize, cause: u8 },
    /// An event about the n-th trial that does not fit.
    Stray { which: usize, what: u8 },
    /// The interpreter dies and loads the last commit.
    Crash,
    /// Time passes.
    Wait(i64),
    /// The user edits budgets in the file and runs it again.
    Edit(Vec<Budget>),
    /// The user pauses or resumes by hand.
    Pause(bool),
    /// The user stops or resumes.
    Stop(bool),
}

/// A budget, as the file has it now; `None` leaves it out.
#[derive(Clone, Debug)]
pub(super) enum Budget {
    Parallel(i32),
    Max(Option<i32>),
    MaxFailed(Option<i32>),
    Deadline(Option<i64>),
}

/// Some of them break a rule in the state that they meet.
fn budget() -> impl Strategy<Value = Budget> {
    prop_oneof![
        3 => (0..6).prop_map(Budget::Parallel),
        3 => prop::option::weighted(0.9, 1..40).prop_map(Budget::Max),
        2 => prop::option::of(0..7).prop_map(Budget::MaxFailed),
        2 => prop::option::of(1..600_i64).prop_map(Budget::Deadline),
    ]
}

/// Few different values, so that goals are met exactly and values repeat.
pub(super) fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0..=10_i32).prop_map(|tenths| f64::from(tenths) / 10.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        // Needs all of its digits.
        2 => Just(0.947_368_421_052_631_5),
    ]
}

pub(super) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let commit = || prop::bool::weighted(0.9);
    let answer = prop_oneof![
        32 => Just(Answer::Enough),
        4 => Just(Answer::TooMany),
        4 => Just(Answer::Nothing),
        4 => Just(Answer::Failure),
        1 => Just(Answer::Refusal),
    ];
    let one = prop_oneof![
        12 => (any::<usize>(), commit()).prop_map(|(which, commit)| Move::Act { which, commit }),
        6 => (answer, commit()).prop_map(|(answer, commit)| Move::Answer { answer, commit }),
        8 => (any::<usize>(), 0..10_u8, value(), commit())
            .prop_map(|(which, how, value, commit)| Move::End { which, how, value, commit }),
        2 => (any::<usize>(), 0..3_u8).prop_map(|(which, cause)| Move::StopTrial { which, cause }),
        2 => (any::<usize>(), 0..6_u8).prop_map(|(which, what)| Move::Stray { which, what }),
        1 => Just(Move::Crash),
        2 => (1..90_i64).prop_map(Move::Wait),
        2 => prop::collection::vec(budget(), 1..4).prop_map(Move::Edit),
        1 => any::<bool>().prop_map(Move::Pause),
        1 => any::<bool>().prop_map(Move::Stop),
    ];
    prop::collection::vec(one, 0..250)
}

impl World {
    pub(super) fn play(&mut self, one: Move) {
        match one {
            Move::Act { which, commit } => self.act(which, commit),
            Move::Answer { answer, commit } => self.answer(answer, commit),
            Move::End {
                which,
                how,
                value,
                commit,
            } => self.end_some(which, how, value, commit),
            Move::StopTrial { which, cause } => self.stop_some(which, cause),
            Move::Stray { which, what } => self.stray(which, what),
            Move::Crash => self.crash(),
            Move::Wait(seconds) => self.now = self.now.plus_seconds(seconds),
            Move::Edit(budgets) => self.edit(&budgets),
            Move::Pause(wanted) => self.pause(wanted),
            Move::Stop(wanted) => {
                let event = match wanted {
                    true => Event::StopRequested,
                    false => Event::StopWithdrawn,
                };
                self.apply(event, true);
            }
        }
    }

    fn act(&mut self, which: usize, commit: bool) {
        let mut due = step(&self.snapshot, self.now);
        if due.is_empty() {
            return;
        }
        match due.swap_remove(which % due.len()) {
            Action::Suggest { count } => self.ask(count),
            action => self.carry_out(action, commit),
        }
    }

    fn end_some(&mut self, which: usize, how: u8, value: f64, commit: bool) {
        let nth = which % self.running.len().max(1);
        let Some((trial, attempt)) = self.running.iter().nth(nth).copied() else {
            return;
        };
        let (end, observation) = match how {
            0..=3 => (End::Succeeded, accuracy(&value.to_string())),
            4 => (End::Succeeded, Observation::default()),
            5 => (End::Failed("exit code 1".into()), accuracy("999")),
            6 => (End::Left("exit code 0".into()), accuracy("999")),
            7 => (End::Truncated("full".into()), accuracy(&value.to_string())),
            8 => (End::Truncated("full".into()), Observation::default()),
            _ => (End::Lost("gone".into()), accuracy("999")),
        };
        self.end(trial, attempt, end, observation, commit);
    }

    fn stop_some(&mut self, which: usize, cause: u8) {
        let nth = which % self.snapshot.active.len().max(1);
        let Some(trial) = self.snapshot.active.keys().nth(nth).copied() else {
            return;
        };
        let message = "below the median".to_owned();
        let cause = match cause {
            0 => StopCause::RuleFired { message },
            1 => StopCause::Interrupted,
            _ => StopCause::Requested,
        };
        self.apply(Event::Stopping { trial, cause }, true);
    }

    /// Takes the edit if it follows the rules, as `diwan run` does.
    fn edit(&mut self, budgets: &[Budget]) {
        let record = &self.snapshot.record;
        let mut old = view::experiment(record, 0, NamesByState::new());
        old.spec = record.spec_of_file();
        let mut new = old.clone();
        for budget in budgets {
            match *budget {
                Budget::Parallel(count) => new.spec.parallel_trial_count = Some(count),
                Budget::Max(count) => new.spec.max_trial_count = count,
                Budget::MaxFailed(count) => new.spec.max_failed_trial_count = count,
                Budget::Deadline(seconds) => new.spec.active_deadline_seconds = seconds,
            }
        }
        let problems = |experiment| validate(experiment, &Context::default());
        if problems(&new) == problems(&old) && validate_edit(&old, &new).is_empty() {
            let spec = self.snapshot.record.edit(&new.spec);
            self.apply(Event::Edited(Box::new(spec)), true);
        }
    }

    fn pause(&mut self, wanted: bool) {
        let record = &mut self.snapshot.record;
        let spec = match wanted {
            true => record.pause().ok(),
            false => record.resume(),
        };
        if let Some(spec) = spec {
            self.apply(Event::Edited(Box::new(spec)), true);
        }
    }

    /// Sends an event that comes too late, twice, or for a trial in another state.
    fn stray(&mut self, which: usize, what: u8) {
        let completed = self.model.completed;
        let number = which as u64 % (self.model.trials.len() as u64 + 1);
        let known = self.model.trials.get(&number);
        let (state, attempt) = known.map_or((TrialState::Killed, 1), |trial| {
            (trial.state, trial.attempt)
        });
        let message = String::new();
        let event = match what {
            0 if completed || state != TrialState::Pending => Event::Started { trial: number },
            1 | 2 => Event::Ended {
                trial: number,
                // That of the launch before, unless nothing runs anyway.
                attempt: attempt - u32::from(state == TrialState::Running),
                end: End::Succeeded,
                observation: accuracy("5"),
            },
            3 if !state.is_active() => Event::Stopping {
                trial: number,
                cause: StopCause::Requested,
            },
            4 if completed => Event::Finished(Outcome::Stopped),
            5 if completed => Event::Suggested {
                points: vec![Point::default()],
                settings: Vec::new(),
                next: OptimizerState::Ready,
            },
            _ if completed => Event::SuggestionFailed {
                message,
                permanent: false,
            },
            _ => return,
        };
        self.refuses(event);
    }
}
