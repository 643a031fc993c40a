//! Properties of all conversions: what is written is read back, and nothing that can be sent makes one panic.

use diwan_core::engine::Point;
use diwan_core::record::TrialState;
use diwan_core::resources::{
    AlgorithmSetting, AlgorithmSpec, Comparison, Distribution, EarlyStoppingRule,
    EarlyStoppingSpec, ExperimentSpec, FeasibleSpace, GraphConfig, InitialTrial, Metric, NasConfig,
    ObjectiveSpec, ObjectiveType, Observation, Operation, ParameterAssignment, ParameterCondition,
    ParameterSpec, ParameterType,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use super::answer::{Answer, More};
use super::{answer, experiment, observation, read_early_stopping, rules, suggestions, trials};
use crate::{diwan, katib};

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,8}", "-?[0-9]{1,3}(\\.[0-9])?", "\\PC{0,5}"]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    vec(word(), 0..3)
}

fn parameter() -> impl Strategy<Value = ParameterSpec> {
    let kind = prop_oneof![
        Just(ParameterType::Double),
        Just(ParameterType::Int),
        Just(ParameterType::Discrete),
        Just(ParameterType::Categorical),
        Just(ParameterType::Unknown),
    ];
    let distribution = prop_oneof![
        Just(Distribution::Uniform),
        Just(Distribution::LogUniform),
        Just(Distribution::Normal),
        Just(Distribution::LogNormal),
    ];
    let condition = (word(), words());
    let condition = condition.prop_map(|(parent, values)| ParameterCondition { parent, values });
    let condition = option::of(condition);
    (
        word(),
        kind,
        word(),
        word(),
        words(),
        word(),
        distribution,
        condition,
    )
        .prop_map(
            |(name, parameter_type, max, min, list, step, distribution, condition)| ParameterSpec {
                name,
                parameter_type,
                feasible_space: FeasibleSpace {
                    max,
                    min,
                    list,
                    step,
                    distribution: Some(distribution),
                },
                condition,
            },
        )
}

fn objective() -> impl Strategy<Value = ObjectiveSpec> {
    let kind = prop_oneof![
        Just(ObjectiveType::Unknown),
        Just(ObjectiveType::Minimize),
        Just(ObjectiveType::Maximize),
    ];
    (kind, option::of(1e-9..1e9), word(), words()).prop_map(|(kind, goal, name, more)| {
        ObjectiveSpec {
            kind,
            goal,
            objective_metric_name: name,
            additional_metric_names: more,
            metric_strategies: Vec::new(),
        }
    })
}

fn settings() -> impl Strategy<Value = Vec<AlgorithmSetting>> {
    vec((word(), word()), 0..3).prop_map(|pairs| {
        let setting = |(name, value)| AlgorithmSetting { name, value };
        pairs.into_iter().map(setting).collect()
    })
}

fn nas() -> impl Strategy<Value = NasConfig> {
    let sizes = || vec(any::<i32>(), 0..3);
    let operation =
        (word(), vec(parameter(), 0..2)).prop_map(|(operation_type, parameters)| Operation {
            operation_type,
            parameters,
        });
    (option::of(1..99), sizes(), sizes(), vec(operation, 0..2)).prop_map(
        |(num_layers, input_sizes, output_sizes, operations)| NasConfig {
            graph_config: GraphConfig {
                num_layers,
                input_sizes,
                output_sizes,
            },
            operations,
        },
    )
}

/// Requests have one value a metric.
fn initial_trial() -> impl Strategy<Value = InitialTrial> {
    let assignment = (word(), word()).prop_map(|(name, value)| ParameterAssignment { name, value });
    let metric = (word(), word()).prop_map(|(name, value)| Metric {
        name,
        min: value.clone(),
        max: value.clone(),
        latest: value,
    });
    let observation = vec(metric, 0..3).prop_map(|metrics| Observation { metrics });
    (
        vec(assignment, 0..3),
        option::of(observation),
        any::<bool>(),
    )
        .prop_map(
            |(parameter_assignments, observation, failed)| InitialTrial {
                parameter_assignments,
                observation,
                failed,
            },
        )
}

fn spec() -> impl Strategy<Value = ExperimentSpec> {
    let count = || option::of((1..=i32::MAX).boxed());
    (
        vec(parameter(), 0..4),
        objective(),
        (word(), settings()),
        option::of((word(), settings())),
        (count(), count()),
        option::of(nas()),
        vec(initial_trial(), 0..3),
    )
        .prop_map(
            |(parameters, objective, algorithm, rule, counts, nas_config, initial_trials)| {
                ExperimentSpec {
                    parameters,
                    objective: Some(objective),
                    algorithm: Some(AlgorithmSpec {
                        algorithm_name: algorithm.0,
                        algorithm_settings: algorithm.1,
                    }),
                    early_stopping: rule.map(|(algorithm_name, algorithm_settings)| {
                        EarlyStoppingSpec {
                            algorithm_name,
                            algorithm_settings,
                        }
                    }),
                    parallel_trial_count: counts.0,
                    max_trial_count: counts.1,
                    nas_config,
                    initial_trials,
                    ..ExperimentSpec::default()
                }
            },
        )
}

fn rule() -> impl Strategy<Value = EarlyStoppingRule> {
    let comparison = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::Less),
        Just(Comparison::Greater),
    ];
    (word(), word(), comparison, option::of(1..=i32::MAX)).prop_map(
        |(name, value, comparison, start_step)| EarlyStoppingRule {
            name,
            value,
            comparison,
            start_step,
        },
    )
}

fn point(rules: impl Strategy<Value = Vec<EarlyStoppingRule>>) -> impl Strategy<Value = Point> {
    let assignment = (word(), word()).prop_map(|(name, value)| ParameterAssignment { name, value });
    let labels = btree_map(word(), word(), 0..3);
    (word(), vec(assignment, 0..4), rules, labels).prop_map(|(name, assignments, rules, labels)| {
        Point {
            name,
            assignments,
            rules,
            labels,
        }
    })
}

fn katib_trial() -> impl Strategy<Value = katib::Trial> {
    let metric = (word(), word()).prop_map(|(name, value)| katib::Metric { name, value });
    (
        word(),
        "20[0-9]{2}-0[1-9]-2[0-8]T10:00:00Z",
        -1..10,
        vec(metric, 0..3),
    )
        .prop_map(|(name, time, condition, metrics)| katib::Trial {
            name,
            spec: Some(katib::TrialSpec::default()),
            status: Some(katib::TrialStatus {
                start_time: time.clone(),
                completion_time: time,
                condition,
                observation: Some(katib::Observation { metrics }),
            }),
        })
}

/// Reads `bytes` as every message that somebody else may send, and converts what it gets.
fn read_everything(bytes: &[u8]) {
    let _ = katib::Experiment::decode(bytes).map(|m| experiment::read(Some(m)));
    let _ = katib::GetSuggestionsRequest::decode(bytes)
        .map(|m| (experiment::read(m.experiment), trials::read(m.trials)));
    let _ = katib::GetSuggestionsReply::decode(bytes).map(suggestions::read);
    let _ = katib::GetEarlyStoppingRulesReply::decode(bytes).map(rules::read);
    let _ = katib::EarlyStoppingSpec::decode(bytes).map(|m| read_early_stopping(Some(m)));
    let _ = katib::ObservationLog::decode(bytes).map(|m| observation::read(Some(m)));
    let _ = diwan::SuggestReply::decode(bytes).map(answer::read);
}

proptest! {
    #[test]
    fn an_experiment_survives(spec in spec(), name in word()) {
        let message = experiment::write(&name, &spec, &[]);
        let bytes = message.encode_to_vec();
        let back = experiment::read(Some(katib::Experiment::decode(&*bytes)?))?;
        prop_assert_eq!(back.metadata.name, name);
        prop_assert_eq!(back.spec, spec);
    }

    #[test]
    fn rules_survive(list in vec(rule(), 0..4)) {
        prop_assert_eq!(rules::read(rules::write(&list))?, list);
    }

    #[test]
    fn points_survive_katib(points in vec(point(Just(vec![])), 0..4), state in settings()) {
        let message = suggestions::write(&points, "tpe", &state);
        prop_assert_eq!(suggestions::read(message), (points, state));
    }

    #[test]
    fn answers_survive(
        points in vec(point(vec(rule(), 0..3)), 0..4),
        settings in settings(),
        more in prop_oneof![Just(More::Now), word().prop_map(More::Later), Just(More::Never)],
    ) {
        let answer = Answer { points, settings, more };
        prop_assert_eq!(answer::read(answer::write(&answer))?, answer);
    }

    #[test]
    fn a_history_survives(messages in vec(katib_trial(), 0..4), objective in objective()) {
        let records = trials::read(messages)?;
        let sent = trials::write(&objective, &[], &records);
        let again = trials::read(sent)?;
        let kept = records.iter().filter(|trial| trial.state != TrialState::MetricsUnavailable);
        for (kept, again) in kept.zip(&again) {
            prop_assert_eq!(&kept.name, &again.name);
            prop_assert_eq!(kept.state, again.state);
            prop_assert_eq!(kept.finished, again.finished);
            prop_assert_eq!(&kept.observation, &again.observation);
        }
    }

    #[test]
    fn noise_never_panics(bytes in vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(
        spec in spec(),
        trials in vec(katib_trial(), 0..3),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let request = katib::GetSuggestionsRequest {
            experiment: Some(experiment::write("noise", &spec, &[])),
            trials,
            current_request_number: 1,
            total_request_number: -1,
        };
        let mut bytes = request.encode_to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        read_everything(&bytes);
    }
}

#[test]
fn everything_wrong_with_an_experiment_is_said_at_once() {
    let mut message = experiment::write("wrong", &ExperimentSpec::default(), &[]);
    let spec = message.spec.as_mut().unwrap();
    let space = katib::FeasibleSpace {
        distribution: 9,
        ..Default::default()
    };
    spec.parameter_specs.as_mut().unwrap().parameters = vec![
        katib::ParameterSpec {
            parameter_type: -3,
            feasible_space: Some(space),
            ..Default::default()
        },
        katib::ParameterSpec {
            parameter_type: 1,
            ..Default::default()
        },
    ];
    let text = experiment::read(Some(message)).unwrap_err().to_string();
    let lines: Vec<&str> = text.lines().collect();
    let list = "experiment.spec.parameter_specs.parameters";
    assert_eq!(
        lines,
        [
            "experiment.spec.objective: Required value: must be set".to_owned(),
            "experiment.spec.algorithm: Required value: must be set".to_owned(),
            format!(
                "{list}[0].parameter_type: Invalid value: -3: must be one of DOUBLE (1), INT (2), DISCRETE (3), CATEGORICAL (4)"
            ),
            format!(
                "{list}[0].feasible_space.distribution: Invalid value: 9: must be one of UNIFORM (1), LOG_UNIFORM (2), NORMAL (3), LOG_NORMAL (4)"
            ),
            format!("{list}[1].feasible_space: Required value: must be set"),
        ]
    );
    let nothing = experiment::read(None).unwrap_err().to_string();
    assert_eq!(nothing, "experiment: Required value: must be set");
}

#[test]
fn settings_that_an_algorithm_keeps_replace_those_of_the_experiment() {
    let setting = |name: &str, value: &str| AlgorithmSetting {
        name: name.into(),
        value: value.into(),
    };
    let spec = ExperimentSpec {
        algorithm: Some(AlgorithmSpec {
            algorithm_name: "hyperband".into(),
            algorithm_settings: vec![setting("eta", "3"), setting("r_l", "9")],
        }),
        ..ExperimentSpec::default()
    };
    let message = experiment::write("e", &spec, &[setting("eta", "2")]);
    let algorithm = message.spec.unwrap().algorithm.unwrap();
    let pairs: Vec<(String, String)> = algorithm
        .algorithm_settings
        .into_iter()
        .map(|s| (s.name, s.value))
        .collect();
    let expected = [("r_l", "9"), ("eta", "2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(pairs, expected);
}

#[test]
fn a_rule_must_compare() {
    let reply = katib::GetEarlyStoppingRulesReply {
        early_stopping_rules: vec![katib::EarlyStoppingRule::default()],
    };
    assert_eq!(
        rules::read(reply).unwrap_err().to_string(),
        "early_stopping_rules[0].comparison: Required value: must be one of EQUAL (1), LESS (2), GREATER (3)"
    );
}
