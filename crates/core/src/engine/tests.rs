//! Properties of the engine over random histories, with an interpreter that may die between any two of its steps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::record::{ExperimentRecord, OptimizerState, StopCause, TrialRecord, TrialState};
use crate::resources::*;
use crate::time::Timestamp;

mod examples;

/// A spec with the budgets that matter here.
fn record(
    parallel: i32,
    max: Option<i32>,
    max_failed: Option<i32>,
    goal: Option<f64>,
    retries: i32,
) -> ExperimentRecord {
    let objective = ObjectiveSpec {
        kind: ObjectiveType::Maximize,
        goal,
        objective_metric_name: "accuracy".into(),
        ..ObjectiveSpec::default()
    };
    let template = TrialTemplate {
        retry_limit: Some(retries),
        ..TrialTemplate::default()
    };
    ExperimentRecord {
        metadata: ObjectMeta {
            name: "tune".into(),
            namespace: "default".into(),
            uid: "u1".into(),
            ..ObjectMeta::default()
        },
        spec: ExperimentSpec {
            objective: Some(objective),
            trial_template: Some(template),
            parallel_trial_count: Some(parallel),
            max_trial_count: max,
            max_failed_trial_count: max_failed,
            ..ExperimentSpec::default()
        },
        progress: crate::record::Progress::default(),
    }
}

fn accuracy(value: &str) -> Observation {
    let text = value.to_owned();
    Observation {
        metrics: vec![Metric {
            name: "accuracy".into(),
            min: text.clone(),
            max: text.clone(),
            latest: text,
        }],
    }
}

/// What the world does next.
#[derive(Clone, Debug)]
enum Move {
    /// Carry out the n-th action that is due, committing it or dying before the commit.
    Act { which: usize, commit: bool },
    /// The n-th running launch ends; the interpreter commits it, or dies before.
    End {
        which: usize,
        how: u8,
        value: f64,
        commit: bool,
    },
    /// Somebody stops the n-th running trial.
    StopTrial { which: usize, cause: u8 },
    /// The interpreter dies and loads the last commit.
    Crash,
    /// Time passes.
    Wait(i64),
    /// The user edits parallel and max.
    Edit { parallel: i32, more: i32 },
    /// The user stops or resumes.
    Stop(bool),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let value = prop_oneof![4 => 0.0..1.0_f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)];
    let one = prop_oneof![
        12 => (any::<usize>(), prop::bool::weighted(0.9)).prop_map(|(which, commit)| Move::Act { which, commit }),
        8 => (any::<usize>(), 0..7_u8, value, prop::bool::weighted(0.9))
            .prop_map(|(which, how, value, commit)| Move::End { which, how, value, commit }),
        2 => (any::<usize>(), 0..3_u8).prop_map(|(which, cause)| Move::StopTrial { which, cause }),
        1 => Just(Move::Crash),
        2 => (1..90_i64).prop_map(Move::Wait),
        1 => (0..5, 0..6).prop_map(|(parallel, more)| Move::Edit { parallel, more }),
        1 => any::<bool>().prop_map(Move::Stop),
    ];
    prop::collection::vec(one, 0..250)
}

/// An interpreter with a store that keeps what was committed, and a world in which launches run.
struct World {
    snapshot: Snapshot,
    stored: Snapshot,
    trials: BTreeMap<u64, TrialRecord>,
    /// Launches by (trial, attempt); a second launch of one is the failure we fear.
    launched: BTreeSet<(u64, u32)>,
    running: BTreeSet<(u64, u32)>,
    now: Timestamp,
    suggestions_left: u64,
    highest_max: i32,
}

impl World {
    fn new(record: ExperimentRecord, suggestions_left: u64) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let highest_max = record.spec.max_trial_count.unwrap_or(i32::MAX);
        let mut snapshot = Snapshot::create(record, now);
        let _ = snapshot.take_change();
        Self {
            stored: snapshot.clone(),
            snapshot,
            trials: BTreeMap::new(),
            launched: BTreeSet::new(),
            running: BTreeSet::new(),
            now,
            suggestions_left,
            highest_max,
        }
    }

    fn apply(&mut self, event: Event, commit: bool) -> bool {
        if self.snapshot.apply(event, self.now).is_err() {
            return false;
        }
        if !commit {
            self.crash();
            return false;
        }
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

    fn crash(&mut self) {
        self.snapshot = self.stored.clone();
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

    fn carry_out(&mut self, action: Action, commit: bool) {
        match action {
            Action::Suggest { count } => {
                let given = count.min(self.suggestions_left);
                let next = if given < count {
                    OptimizerState::Exhausted
                } else {
                    OptimizerState::Ready
                };
                let points = (0..given).map(|_| Point::default()).collect();
                if self.apply(
                    Event::Suggested {
                        points,
                        settings: vec![],
                        next,
                    },
                    commit,
                ) {
                    self.suggestions_left -= given;
                }
            }
            Action::Start { trial } => {
                let attempt = self.snapshot.active[&trial].attempt;
                if self.apply(Event::Started { trial }, commit) {
                    assert!(self.launched.insert((trial, attempt)), "launched twice");
                    self.running.insert((trial, attempt));
                    let parallel = self.snapshot.parallel();
                    assert!(
                        self.running.len() as u64 <= parallel,
                        "started beside too many"
                    );
                }
            }
            Action::Stop { trial, cause } => {
                if self.apply(Event::Stopping { trial, cause }, commit) {
                    let launch = self
                        .running
                        .iter()
                        .find(|(number, _)| *number == trial)
                        .copied();
                    if let Some((number, attempt)) = launch {
                        self.end(
                            number,
                            attempt,
                            End::Failed("terminated".into()),
                            accuracy("0.3"),
                            true,
                        );
                    }
                }
            }
            Action::Finish(outcome) => {
                self.apply(Event::Finished(outcome), commit);
            }
            Action::WakeAt(time) => self.now = time,
        }
    }

    /// A launch ends. If the interpreter dies before it has committed that, the next one finds the launch ended.
    fn end(&mut self, trial: u64, attempt: u32, end: End, observation: Observation, commit: bool) {
        if commit {
            self.running.remove(&(trial, attempt));
        }
        self.apply(
            Event::Ended {
                trial,
                attempt,
                end,
                observation,
            },
            commit,
        );
    }

    fn play(&mut self, one: Move) {
        match one {
            Move::Act { which, commit } => {
                let mut due = step(&self.snapshot, self.now);
                assert_eq!(due, step(&self.snapshot, self.now), "step is a function");
                if !due.is_empty() {
                    self.carry_out(due.swap_remove(which % due.len()), commit);
                }
            }
            Move::End {
                which,
                how,
                value,
                commit,
            } => {
                let Some((trial, attempt)) = self
                    .running
                    .iter()
                    .nth(which % self.running.len().max(1))
                    .copied()
                else {
                    return;
                };
                let (end, observation) = match how {
                    0..=3 => (End::Succeeded, accuracy(&value.to_string())),
                    4 => (End::Succeeded, Observation::default()),
                    5 => (End::Failed("exit code 1".into()), accuracy("999")),
                    _ => (End::Lost("gone".into()), accuracy("999")),
                };
                self.end(trial, attempt, end, observation, commit);
            }
            Move::StopTrial { which, cause } => {
                let nth = which % self.running.len().max(1);
                if let Some((trial, _)) = self.running.iter().nth(nth).copied() {
                    let message = "below the median".to_owned();
                    let causes = [
                        StopCause::RuleFired { message },
                        StopCause::Interrupted,
                        StopCause::Requested,
                    ];
                    let cause = causes[usize::from(cause)].clone();
                    self.apply(Event::Stopping { trial, cause }, true);
                }
            }
            Move::Crash => self.crash(),
            Move::Wait(seconds) => self.now = self.now.plus_seconds(seconds),
            Move::Edit { parallel, more } => {
                let mut spec = self.snapshot.record.spec.clone();
                spec.parallel_trial_count = Some(parallel);
                spec.max_trial_count = spec.max_trial_count.map(|max| max + more);
                self.highest_max = self
                    .highest_max
                    .max(spec.max_trial_count.unwrap_or(i32::MAX));
                self.apply(Event::Edited(Box::new(spec)), true);
            }
            Move::Stop(true) => {
                self.apply(Event::StopRequested, true);
            }
            Move::Stop(false) => {
                self.apply(Event::StopWithdrawn, true);
            }
        }
    }

    fn check(&self, most_parallel: i32) {
        let counts = self.snapshot.record.progress.counts;
        let by_state = |state| {
            self.trials
                .values()
                .filter(|trial| trial.state == state)
                .count() as u64
        };
        let mut expected = TrialCounts {
            trials: self.trials.len() as u64,
            ..TrialCounts::default()
        };
        for state in TrialState::ALL {
            *expected.of_mut(state) = by_state(state);
        }
        assert_eq!(counts, expected, "counters are exact");
        assert!(
            counts.trials <= u64::try_from(self.highest_max).unwrap(),
            "never more than maxTrialCount"
        );
        assert!(
            self.running.len() <= usize::try_from(most_parallel).unwrap(),
            "never more than parallelTrialCount"
        );
        self.check_best();
    }

    fn check_best(&self) {
        let progress = &self.snapshot.record.progress;
        let ended_well = self.trials.values().filter(|trial| {
            matches!(
                trial.state,
                TrialState::Succeeded | TrialState::EarlyStopped
            )
        });
        let values = ended_well.filter_map(|trial| {
            trial
                .observation
                .as_ref()?
                .metric("accuracy")?
                .max
                .parse::<f64>()
                .ok()
        });
        let best = values.filter(|value| !value.is_nan()).reduce(f64::max);
        assert_eq!(
            progress.best_value, best,
            "best is the best of the trials that ended well, never NaN"
        );
    }

    /// Lets everything run its course without further crashes or edits.
    fn run_out(&mut self) {
        for _ in 0..20_000 {
            let due = step(&self.snapshot, self.now);
            if let Some(action) = due.into_iter().next() {
                self.carry_out(action, true);
            } else if let Some((trial, attempt)) = self.running.iter().next().copied() {
                self.end(trial, attempt, End::Succeeded, accuracy("0.1"), true);
            } else {
                break;
            }
            if !self.snapshot.is_completed()
                && self.running.len() as u64 == self.snapshot.parallel()
            {
                let Some((trial, attempt)) = self.running.iter().next().copied() else {
                    continue;
                };
                self.end(trial, attempt, End::Succeeded, accuracy("0.1"), true);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn invariants_hold_whatever_happens(
        (parallel, max) in (1..5, 5..25),
        max_failed in prop::option::of(1..6),
        goal in prop::option::of(0.8..1.0_f64),
        retries in 0..3,
        supply in prop_oneof![Just(u64::MAX), 0..30_u64],
        moves in moves(),
    ) {
        let mut record = record(parallel, Some(max), max_failed, goal, retries);
        record.spec.trial_template.get_or_insert_default().active_deadline_seconds = Some(60);
        let mut world = World::new(record, supply);
        let mut most_parallel = parallel;
        for one in moves {
            if let Move::Edit { parallel, .. } = one {
                most_parallel = most_parallel.max(parallel);
            }
            world.play(one);
            world.check(most_parallel);
        }
        // Whatever state the history left, a resumed experiment with places to run ends, and nothing runs afterwards.
        let mut spec = world.snapshot.record.spec.clone();
        spec.parallel_trial_count = Some(2);
        world.apply(Event::Edited(Box::new(spec)), true);
        world.run_out();
        prop_assert!(world.snapshot.is_completed(), "ends: {:?}", world.snapshot.record.progress);
        prop_assert!(world.running.is_empty(), "nothing runs after the end");
        prop_assert!(world.snapshot.active.is_empty());
        prop_assert!(step(&world.snapshot, world.now).is_empty());
    }
}
