//! One behaviour at a time.

use super::world::Answer;
use super::*;
use crate::record::EARLIER_CAP;

fn run(record: ExperimentRecord) -> World {
    World::new(record, u64::MAX)
}

/// Suggests and starts until nothing is due but waiting.
fn fill(world: &mut World) {
    loop {
        let due = step(&world.snapshot, world.now);
        let Some(action) = due
            .into_iter()
            .find(|action| matches!(action, Action::Suggest { .. } | Action::Start { .. }))
        else {
            return;
        };
        world.carry_out(action, true);
    }
}

fn last_condition(world: &World) -> (String, String) {
    let last = world.snapshot.record.progress.conditions.last().unwrap();
    (last.kind.clone(), last.reason.clone())
}

#[test]
fn a_reached_goal_ends_the_experiment_and_stops_what_runs() {
    let mut world = run(record(3, Some(10), None, Some(0.9), 0));
    fill(&mut world);
    assert_eq!(world.running.len(), 3);
    world.end(0, 1, End::Succeeded, accuracy("0.95"), true);
    assert_eq!(
        step(&world.snapshot, world.now),
        vec![Action::Finish(Outcome::GoalReached)]
    );
    world.run_out();
    assert_eq!(
        last_condition(&world),
        ("Succeeded".into(), "ExperimentGoalReached".into())
    );
    let counts = world.snapshot.record.progress.counts;
    assert_eq!(
        (counts.trials_succeeded, counts.trials_killed, counts.trials),
        (1, 2, 3)
    );
    assert!(world.running.is_empty());
}

#[test]
fn without_a_maximum_a_finished_experiment_stays_finished() {
    let mut world = run(record(1, None, None, Some(0.5), 0));
    fill(&mut world);
    world.end(0, 1, End::Succeeded, accuracy("0.7"), true);
    world.run_out();
    let before = world.snapshot.clone();
    let spec = world.snapshot.record.spec.clone();
    world.apply(Event::Edited(Box::new(spec)), true);
    assert_eq!(world.snapshot.record.progress, before.record.progress);
}

#[test]
fn failures_count_with_missing_metrics_and_end_the_experiment() {
    let mut world = run(record(1, Some(10), Some(2), None, 0));
    fill(&mut world);
    world.end(
        0,
        1,
        End::Failed("exit code 3".into()),
        Observation::default(),
        true,
    );
    fill(&mut world);
    world.end(1, 1, End::Succeeded, Observation::default(), true);
    world.run_out();
    assert_eq!(
        last_condition(&world),
        ("Failed".into(), "ExperimentFailed".into())
    );
    let message = &world.trials[&0].conditions.last().unwrap().message;
    assert_eq!(message, "Trial has failed. Job message: exit code 3");
    let progress = &world.snapshot.record.progress;
    let words = &progress.conditions.last().unwrap().message;
    let last = &world.trials[&1];
    let why = &last.conditions.last().unwrap().message;
    assert!(
        words.ends_with(&format!("; the last was {}: {why}", last.name)),
        "{words}"
    );
    assert_eq!(world.trials[&1].state, TrialState::MetricsUnavailable);
}

#[test]
fn an_exhausted_search_ends_when_its_trials_have() {
    let mut world = World::new(record(2, Some(10), None, None, 0), 3);
    fill(&mut world);
    world.end(0, 1, End::Succeeded, accuracy("0.1"), true);
    assert!(!world.snapshot.is_completed());
    world.run_out();
    assert_eq!(
        last_condition(&world),
        ("Succeeded".into(), "ExperimentSuggestionEndReached".into())
    );
    assert_eq!(world.snapshot.record.progress.counts.trials, 3);
}

#[test]
fn a_failed_trial_runs_again_after_a_pause_with_another_attempt() {
    let mut world = run(record(1, Some(1), None, None, 2));
    fill(&mut world);
    for attempt in 1..=2 {
        world.end(
            0,
            attempt,
            End::Failed("boom".into()),
            Observation::default(),
            true,
        );
        assert_eq!(world.trials[&0].state, TrialState::Pending);
        let due = step(&world.snapshot, world.now);
        let [Action::WakeAt(time)] = due[..] else {
            panic!("{due:?}")
        };
        assert!(time > world.now);
        world.now = time;
        fill(&mut world);
    }
    world.end(
        0,
        3,
        End::Failed("boom".into()),
        Observation::default(),
        true,
    );
    assert_eq!(world.trials[&0].state, TrialState::Failed);
    assert_eq!(world.launched.len(), 3);
}

#[test]
fn zero_parallel_trials_is_a_pause() {
    let mut world = run(record(2, Some(10), None, None, 0));
    fill(&mut world);
    let mut spec = world.snapshot.record.spec.clone();
    spec.parallel_trial_count = Some(0);
    world.apply(Event::Edited(Box::new(spec.clone())), true);
    assert_eq!(
        last_condition(&world),
        ("Running".into(), "ExperimentPaused".into())
    );
    world.end(0, 1, End::Succeeded, accuracy("0.1"), true);
    assert!(
        step(&world.snapshot, world.now).is_empty(),
        "running trials end by themselves, none is started"
    );
    spec.parallel_trial_count = Some(1);
    world.apply(Event::Edited(Box::new(spec)), true);
    assert!(
        step(&world.snapshot, world.now).is_empty(),
        "one still runs"
    );
}

#[test]
fn time_limits_stop_trials_and_experiments() {
    let mut one = record(1, Some(3), None, None, 1);
    one.spec
        .trial_template
        .as_mut()
        .unwrap()
        .active_deadline_seconds = Some(10);
    one.spec.active_deadline_seconds = Some(25);
    let mut world = run(one);
    fill(&mut world);
    world.now = world.now.plus_seconds(10);
    let due = step(&world.snapshot, world.now);
    assert_eq!(
        due[0],
        Action::Stop {
            trial: 0,
            cause: StopCause::DeadlineExceeded
        }
    );
    world.carry_out(due[0].clone(), true);
    assert_eq!(
        world.trials[&0].state,
        TrialState::Failed,
        "a deadline is no failure to retry"
    );
    fill(&mut world);
    world.now = world.now.plus_seconds(15);
    assert_eq!(
        step(&world.snapshot, world.now),
        vec![Action::Finish(Outcome::DeadlineReached)]
    );
    world.run_out();
    assert_eq!(world.trials[&1].state, TrialState::Killed);
}

#[test]
fn a_raised_budget_reopens_a_finished_experiment() {
    let mut world = run(record(1, Some(1), None, None, 0));
    world.run_out();
    assert_eq!(last_condition(&world).1, "ExperimentMaxTrialsReached");
    let mut spec = world.snapshot.record.spec.clone();
    spec.max_trial_count = Some(2);
    world.apply(Event::Edited(Box::new(spec)), true);
    assert!(!world.snapshot.is_completed());
    assert!(holds(
        &world.snapshot.record.progress.conditions,
        "Restarting"
    ));
    assert_eq!(last_condition(&world).0, "Running");
    world.run_out();
    assert_eq!(world.snapshot.record.progress.counts.trials_succeeded, 2);
    assert!(holds(
        &world.snapshot.record.progress.conditions,
        "Restarting"
    ));
}

#[test]
fn only_a_larger_budget_reopens_what_ended_by_its_time_or_a_refusal() {
    let mut limited = record(1, Some(5), None, None, 0);
    limited.spec.active_deadline_seconds = Some(10);
    let mut late = run(limited.clone());
    late.now = late.now.plus_seconds(10);
    late.carry_out(Action::Finish(Outcome::DeadlineReached), true);
    let mut refused = run(limited);
    refused.ask(1);
    refused.answer(Answer::Refusal, true);
    for mut world in [late, refused] {
        let mut spec = world.snapshot.record.spec.clone();
        spec.parallel_trial_count = Some(0);
        world.apply(Event::Edited(Box::new(spec.clone())), true);
        assert!(world.snapshot.is_completed(), "a pause reopens nothing");
        spec.parallel_trial_count = Some(2);
        spec.max_trial_count = Some(4);
        world.apply(Event::Edited(Box::new(spec.clone())), true);
        world.apply(Event::StopRequested, true);
        world.apply(Event::StopWithdrawn, true);
        assert!(world.snapshot.is_completed(), "nor does less of a budget");
        spec.active_deadline_seconds = Some(20);
        world.apply(Event::Edited(Box::new(spec)), true);
        assert!(!world.snapshot.is_completed());
    }
}

#[test]
fn what_a_refusal_or_a_rule_says_is_told() {
    let mut world = run(record(1, Some(2), None, None, 0));
    fill(&mut world);
    let cause = StopCause::RuleFired {
        message: "accuracy < 0.5".into(),
    };
    world.carry_out(Action::Stop { trial: 0, cause }, true);
    let trial = world.trials[&0].conditions.last().unwrap();
    assert_eq!(trial.message, "Trial is early stopped: accuracy < 0.5");
    world.ask(1);
    world.answer(Answer::Refusal, true);
    let conditions = &world.snapshot.record.progress.conditions;
    let message = &conditions.last().unwrap().message;
    assert_eq!(message, "Suggestion has failed: unavailable");
}

#[test]
fn an_interrupted_trial_runs_again_and_costs_nothing() {
    let mut world = run(record(1, Some(1), Some(1), None, 0));
    fill(&mut world);
    world.carry_out(
        Action::Stop {
            trial: 0,
            cause: StopCause::Interrupted,
        },
        true,
    );
    assert_eq!(
        (
            world.trials[&0].state,
            world.trials[&0].attempt,
            world.trials[&0].failures
        ),
        (TrialState::Pending, 2, 0)
    );
    world.run_out();
    assert_eq!(world.trials[&0].state, TrialState::Succeeded);
}

#[test]
fn what_a_trial_answers_to_a_stop_does_not_count_and_what_it_did_before_does() {
    let rule = StopCause::RuleFired {
        message: "accuracy < 0.5".into(),
    };
    for (cause, state) in [
        (StopCause::Interrupted, TrialState::Pending),
        (StopCause::DeadlineExceeded, TrialState::Failed),
        (rule, TrialState::EarlyStopped),
        (StopCause::Requested, TrialState::Killed),
    ] {
        for (end, state) in [
            (End::Succeeded, TrialState::Succeeded),
            (End::Left("exit code 0".into()), state),
            (End::Failed("exit code 1".into()), state),
            (End::Lost("it is gone".into()), state),
        ] {
            let mut world = run(record(1, Some(2), None, None, 3));
            fill(&mut world);
            let stopping = Event::Stopping {
                trial: 0,
                cause: cause.clone(),
            };
            world.apply(stopping, true);
            world.end(0, 1, end.clone(), accuracy("0.1"), true);
            assert_eq!(world.trials[&0].state, state, "{cause:?} {end:?}");
        }
    }
}

#[test]
fn a_good_end_on_a_full_disk_counts_if_its_metric_is_there_and_runs_again_if_not() {
    for (observation, state) in [
        (accuracy("0.1"), TrialState::Succeeded),
        (Observation::default(), TrialState::Pending),
    ] {
        let mut world = run(record(1, Some(2), None, None, 3));
        fill(&mut world);
        let end = End::Truncated("the disk was full".into());
        world.end(0, 1, end, observation, true);
        assert_eq!(world.trials[&0].state, state);
    }
}

#[test]
fn a_launch_that_keeps_vanishing_fails_in_the_end() {
    let mut world = run(record(1, Some(1), None, None, 0));
    for attempt in 1..=11 {
        fill(&mut world);
        world.end(
            0,
            attempt,
            End::Lost("the machine restarted".into()),
            Observation::default(),
            true,
        );
    }
    assert_eq!(world.trials[&0].state, TrialState::Failed);
}

#[test]
fn a_trial_remembers_its_newest_attempts() {
    let mut world = run(record(1, Some(1), None, None, 20));
    let began = world.now;
    fill(&mut world);
    let ends = [
        End::Lost("it is gone".into()),
        End::Failed("exit code 3; last lines of stderr:\nTraceback\nhere\nValueError".into()),
    ];
    for (attempt, end) in (1..).zip(ends) {
        world.now = world.now.plus_seconds(3);
        world.end(0, attempt, end, Observation::default(), true);
        world.now = world.now.plus_seconds(1);
        fill(&mut world);
    }
    let told = |world: &World| {
        let earlier = world.trials[&0].earlier.iter();
        let told = earlier.map(|one| (one.number, one.why.clone()));
        told.collect::<Vec<_>>()
    };
    let failed = "failure 1 of at most 21: exit code 3; last lines of stderr: … ValueError";
    assert_eq!(
        told(&world),
        [(1, "it is gone".to_owned()), (2, failed.to_owned())]
    );
    let first = &world.trials[&0].earlier[0];
    assert_eq!((first.started, first.ended), (began, began.plus_seconds(3)));
    for _ in 0..9 {
        let cause = StopCause::Interrupted;
        world.carry_out(Action::Stop { trial: 0, cause }, true);
        fill(&mut world);
    }
    let told = told(&world);
    assert_eq!(told.len(), EARLIER_CAP);
    assert_eq!((told[0].0, told[9].0), (2, 11));
    assert_eq!(told[9].1, "interrupted: Diwan was stopped");
}

#[test]
fn words_are_best_only_while_there_is_no_number() {
    let mut world = run(record(1, Some(4), None, None, 0));
    for (number, value) in ["Genotype(a)", "Genotype(b)", "0.2", "Genotype(c)"]
        .iter()
        .enumerate()
    {
        fill(&mut world);
        world.end(number as u64, 1, End::Succeeded, accuracy(value), true);
        let best = world.snapshot.record.progress.best.observation.metrics[0]
            .latest
            .clone();
        assert_eq!(best, ["Genotype(a)", "Genotype(b)", "0.2", "0.2"][number]);
    }
}

#[test]
fn only_a_finite_value_is_best_and_reaches_a_goal() {
    for (kind, overflow) in [
        (ObjectiveType::Maximize, "inf"),
        (ObjectiveType::Minimize, "-inf"),
    ] {
        let mut record = record(1, Some(4), None, Some(0.5), 0);
        record.spec.objective.get_or_insert_default().kind = kind;
        let mut world = run(record);
        for (number, value) in [(0, overflow), (1, "nan")] {
            fill(&mut world);
            world.end(number, 1, End::Succeeded, accuracy(value), true);
            assert_eq!(world.snapshot.record.best_value(), None, "{value}");
            assert_eq!(world.trials[&number].state, TrialState::Succeeded);
        }
        fill(&mut world);
        assert!(!world.snapshot.is_completed(), "{overflow} is no goal");
        world.end(2, 1, End::Succeeded, accuracy("0.5"), true);
        assert_eq!(world.snapshot.record.best_value(), Some(0.5));
        assert_eq!(
            step(&world.snapshot, world.now),
            [Action::Finish(Outcome::GoalReached)]
        );
    }
}

#[test]
fn a_failing_optimizer_is_asked_again_later_and_later() {
    let mut world = run(record(1, Some(4), None, None, 0));
    let mut waits = Vec::new();
    for _ in 0..8 {
        world.apply(
            Event::SuggestionFailed {
                message: "unavailable".into(),
                permanent: false,
            },
            true,
        );
        let due = step(&world.snapshot, world.now);
        let [Action::WakeAt(time)] = due[..] else {
            panic!("{due:?}")
        };
        waits.push(time.millis_since(world.now) / 1000);
        world.now = time;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    world.apply(
        Event::SuggestionFailed {
            message: "no such setting".into(),
            permanent: true,
        },
        true,
    );
    assert!(world.snapshot.is_completed());
}

#[test]
fn an_optimizer_that_waits_is_asked_when_a_trial_has_ended() {
    let mut world = run(record(2, Some(4), None, None, 0));
    fill(&mut world);
    let waiting = OptimizerState::Waiting {
        finished: 1,
        why: "rung 1".into(),
    };
    world.end(0, 1, End::Succeeded, accuracy("0.1"), true);
    world.apply(
        Event::Suggested {
            points: vec![],
            settings: vec![],
            next: waiting,
        },
        true,
    );
    assert!(step(&world.snapshot, world.now).is_empty());
    world.end(1, 1, End::Succeeded, accuracy("0.2"), true);
    assert_eq!(
        step(&world.snapshot, world.now),
        vec![Action::Suggest { count: 2 }]
    );
}

#[test]
fn a_trial_that_waits_for_its_retry_becomes_what_it_is_stopped_for() {
    let rule = StopCause::RuleFired {
        message: "below the median".into(),
    };
    for (cause, state) in [
        (StopCause::Requested, TrialState::Killed),
        (rule, TrialState::EarlyStopped),
        (StopCause::Interrupted, TrialState::Pending),
    ] {
        let mut world = run(record(1, Some(1), None, None, 1));
        fill(&mut world);
        let boom = End::Failed("boom".into());
        world.end(0, 1, boom, Observation::default(), true);
        world.carry_out(Action::Stop { trial: 0, cause }, true);
        assert_eq!(world.trials[&0].state, state);
    }
}
