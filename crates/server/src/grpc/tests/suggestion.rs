use diwan_core::resources::AlgorithmSetting;
use diwan_proto::katib::suggestion_client::SuggestionClient;
use diwan_proto::katib::{
    GetSuggestionsReply, GetSuggestionsRequest, ParameterAssignment, Trial, TrialSpec, TrialStatus,
    ValidateAlgorithmSettingsRequest, trial_spec, trial_status::TrialConditionType,
};
use tonic::Code;

use super::*;

fn request(
    spec: &ExperimentSpec,
    trials: Vec<Trial>,
    current: i32,
    total: i32,
) -> GetSuggestionsRequest {
    GetSuggestionsRequest {
        experiment: message("tune", spec),
        trials,
        current_request_number: current,
        total_request_number: total,
    }
}

/// Trials of all the points of a reply, succeeded.
fn trials_of(reply: &GetSuggestionsReply) -> Vec<Trial> {
    let points = reply.parameter_assignments.iter().enumerate();
    points
        .map(|(index, point)| trial(&format!("t{index}"), point.assignments.clone()))
        .collect()
}

fn trial(name: &str, assignments: Vec<ParameterAssignment>) -> Trial {
    Trial {
        name: name.into(),
        spec: Some(TrialSpec {
            parameter_assignments: Some(trial_spec::ParameterAssignments { assignments }),
            ..TrialSpec::default()
        }),
        status: Some(TrialStatus {
            condition: TrialConditionType::Succeeded.into(),
            observation: Some(katib::Observation {
                metrics: vec![katib::Metric {
                    name: "loss".into(),
                    value: "0.5".into(),
                }],
            }),
            ..TrialStatus::default()
        }),
    }
}

fn values(reply: &GetSuggestionsReply) -> Vec<String> {
    let points = reply.parameter_assignments.iter();
    points
        .map(|point| {
            point
                .assignments
                .iter()
                .map(|a| format!("{}={}", a.name, a.value))
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn gives_exactly_as_many_points_as_asked_for_and_the_same_again() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    for algorithm in ["random", "sobol"] {
        let ask = request(&spec(algorithm), Vec::new(), 3, 3);
        let first = client
            .get_suggestions(ask.clone())
            .await
            .unwrap()
            .into_inner();
        let again = client.get_suggestions(ask).await.unwrap().into_inner();
        assert_eq!(first, again);
        assert_eq!(first.parameter_assignments.len(), 3);
        let more = request(&spec(algorithm), trials_of(&first), 2, 5);
        let more = values(&client.get_suggestions(more).await.unwrap().into_inner());
        assert!(
            more.iter().all(|point| !values(&first).contains(point)),
            "{more:?} are new"
        );
    }
}

/// Callers may leave trials out and miscount: what they show is never suggested again, and what they count is believed.
#[tokio::test]
async fn a_history_with_gaps_gets_no_point_that_is_in_it() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    for algorithm in ["random", "sobol"] {
        let all = client
            .get_suggestions(request(&spec(algorithm), Vec::new(), 8, 8))
            .await
            .unwrap()
            .into_inner();
        let all_values = values(&all);
        let trials = trials_of(&all);
        let some = [0, 3, 4].map(|index: usize| trials[index].clone()).to_vec();
        for (total, expected) in [(2, &all_values[5..7]), (8, &all_values[6..8])] {
            let ask = request(&spec(algorithm), some.clone(), 2, total);
            let reply = client.get_suggestions(ask).await.unwrap().into_inner();
            assert_eq!(values(&reply), expected, "{algorithm} of {total}");
        }
    }
}

#[tokio::test]
async fn the_seed_is_the_name_s_unless_the_settings_have_one() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let mut seen = std::collections::HashSet::new();
    for (name, random_state) in [
        ("a", None),
        ("b", None),
        ("a", Some("1")),
        ("a", Some("2")),
        ("b", Some("1")),
    ] {
        let mut spec = spec("random");
        let setting = |value: &str| diwan_core::resources::AlgorithmSetting {
            name: "random_state".into(),
            value: value.into(),
        };
        spec.algorithm.as_mut().unwrap().algorithm_settings =
            random_state.map(setting).into_iter().collect();
        let ask = GetSuggestionsRequest {
            experiment: message(name, &spec),
            ..request(&spec, Vec::new(), 1, 1)
        };
        seen.insert(values(
            &client.get_suggestions(ask).await.unwrap().into_inner(),
        ));
    }
    assert_eq!(seen.len(), 4, "the last is the third again");
}

#[tokio::test]
async fn trials_of_other_hands_are_taken_whatever_they_hold() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let assignment = |name: &str, value: &str| ParameterAssignment {
        name: name.into(),
        value: value.into(),
    };
    let mut strange = trial("strange", vec![assignment("x", "17"), assignment("y", "2")]);
    strange.status.as_mut().unwrap().condition = 99;
    let history = vec![
        strange,
        Trial::default(),
        trial("empty", Vec::new()),
        trial("word", vec![assignment("x", "NaN")]),
        trial("good", vec![assignment("x", "0.25")]),
        trial("good", vec![assignment("x", "0.25")]),
    ];
    for total in [-5, 0, 1, 2, 100] {
        let reply = client
            .get_suggestions(request(&spec("sobol"), history.clone(), 1, total))
            .await
            .unwrap();
        assert_eq!(reply.into_inner().parameter_assignments.len(), 1);
    }
}

#[tokio::test]
async fn a_grid_goes_through_all_points_and_says_when_it_is_exhausted() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let grid = ExperimentSpec {
        parameters: vec![choice("a", &["p", "q"]), choice("b", &["r", "s"])],
        ..spec("grid")
    };
    let reply = client
        .get_suggestions(request(&grid, Vec::new(), 3, 3))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(values(&reply), ["a=pb=r", "a=pb=s", "a=qb=r"]);
    let history = trials_of(&reply);
    let error = client
        .get_suggestions(request(&grid, history.clone(), 2, 5))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::OutOfRange);
    assert!(
        error
            .message()
            .starts_with("search exhausted: 1 points are left of 2"),
        "{}",
        error.message()
    );
    let last = client
        .get_suggestions(request(&grid, history, 1, 4))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(values(&last), ["a=qb=s"]);
}

#[tokio::test]
async fn a_bad_request_names_the_field() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let list = "experiment.spec.parameter_specs.parameters";
    let inverted = ExperimentSpec {
        parameters: vec![double("x", "1", "0")],
        ..spec("random")
    };
    let mut late = trial("t", Vec::new());
    late.status.as_mut().unwrap().completion_time = "noon".into();
    for (ask, place) in [
        (
            GetSuggestionsRequest {
                experiment: None,
                ..Default::default()
            },
            "experiment: ".to_owned(),
        ),
        (
            request(&inverted, Vec::new(), 1, 1),
            format!("{list}[0].feasible_space"),
        ),
        (
            request(&spec("ramdom"), Vec::new(), 1, 1),
            "experiment.spec.algorithm.algorithm_name: ".to_owned(),
        ),
        (
            request(&spec("random"), Vec::new(), -1, 1),
            "current_request_number: ".to_owned(),
        ),
        (
            request(&spec("random"), Vec::new(), i32::MAX, i32::MIN),
            "current_request_number: ".to_owned(),
        ),
        (
            request(&spec("random"), vec![late], 1, 1),
            "trials[0].status.completion_time: ".to_owned(),
        ),
    ] {
        let error = client.get_suggestions(ask).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{place}");
        assert!(
            error.message().starts_with(&place),
            "{} at {place}",
            error.message()
        );
    }
}

#[tokio::test]
async fn validation_tells_everything_at_once() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let mut validate = async |spec: &ExperimentSpec| {
        let request = ValidateAlgorithmSettingsRequest {
            experiment: message("tune", spec),
        };
        client.validate_algorithm_settings(request).await.map(drop)
    };
    validate(&spec("random")).await.unwrap();

    let mut bad = ExperimentSpec {
        parameters: vec![double("x", "one", "2"), double("x", "0", "1")],
        ..spec("sobl")
    };
    bad.objective.as_mut().unwrap().kind = ObjectiveType::Unknown;
    let error = validate(&bad).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    for part in [
        "experiment.spec.parameter_specs.parameters[0].feasible_space.min: Invalid value: \"one\"",
        "experiment.spec.parameter_specs.parameters[1].name: Duplicate value: \"x\"",
        "experiment.spec.objective.type: Invalid value: \"\": must be minimize or maximize",
        "experiment.spec.algorithm.algorithm_name: Invalid value: unknown algorithm \"sobl\"; did you mean sobol?",
    ] {
        assert!(
            error.message().contains(part),
            "{part} in:\n{}",
            error.message()
        );
    }
}

#[tokio::test]
async fn an_experiment_that_names_no_algorithm_is_for_the_one_that_chooses() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let mut named = spec("auto");
    named.max_trial_count = None;
    let mut replies = Vec::new();
    for algorithm in ["auto", ""] {
        named.algorithm.as_mut().unwrap().algorithm_name = algorithm.into();
        let validation = ValidateAlgorithmSettingsRequest {
            experiment: message("tune", &named),
        };
        client
            .validate_algorithm_settings(validation)
            .await
            .unwrap();
        let reply = client.get_suggestions(request(&named, Vec::new(), 3, 3));
        replies.push(reply.await.unwrap().into_inner());
    }
    assert_eq!(values(&replies[0]).len(), 3);
    assert_eq!(replies[0], replies[1]);
}

#[tokio::test]
async fn the_state_of_katibs_hyperband_is_taken() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let settings = |state: &[(&str, &str)]| {
        let mut hyperband = spec("hyperband");
        hyperband.parameters.push(double("epochs", "1", "9"));
        let settings = [("resource_name", "epochs"), ("r_l", "9")];
        let settings = settings.iter().chain(state);
        let setting = |(name, value): &(&str, &str)| AlgorithmSetting {
            name: (*name).into(),
            value: (*value).into(),
        };
        hyperband.algorithm.as_mut().unwrap().algorithm_settings = settings.map(setting).collect();
        hyperband
    };
    let state = [
        ("s_max", "2"),
        ("b_l", "30"),
        ("n", "9"),
        ("r", "1"),
        ("current_s", "2"),
        ("current_i", "0"),
        ("evaluating_trials", ""),
    ];
    let with = settings(&state);
    let request_of = |spec| ValidateAlgorithmSettingsRequest {
        experiment: message("tune", spec),
    };
    let valid = client.validate_algorithm_settings(request_of(&with));
    valid.await.unwrap();
    let mut ask = async |spec: &ExperimentSpec| {
        let reply = client.get_suggestions(request(spec, Vec::new(), 3, 3));
        values(reply.await.unwrap().get_ref())
    };
    assert_eq!(ask(&with).await, ask(&settings(&[])).await);
}

#[tokio::test]
async fn a_search_that_ends_before_the_experiment_is_refused() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    for algorithm in ["grid", "random"] {
        let small = ExperimentSpec {
            parameters: vec![choice("a", &["p", "q"])],
            max_trial_count: Some(3),
            ..spec(algorithm)
        };
        let request = ValidateAlgorithmSettingsRequest {
            experiment: message("tune", &small),
        };
        let error = client
            .validate_algorithm_settings(request)
            .await
            .unwrap_err();
        assert_eq!(
            error.message(),
            "experiment.spec.max_trial_count: Invalid value: Max Trial Count: 3 > all possible search combinations: 2"
        );
    }
}

#[tokio::test]
async fn a_very_long_list_of_problems_still_fits_a_header() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let many = ExperimentSpec {
        parameters: vec![double("ü", "z", "a"); 5000],
        ..spec("random")
    };
    let request = ValidateAlgorithmSettingsRequest {
        experiment: message("tune", &many),
    };
    let error = client
        .validate_algorithm_settings(request)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().ends_with(" …"), "{}", error.message());
}

#[tokio::test]
async fn given_points_come_first_and_what_is_known_does_not_come() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let spec = begun("grid");
    let first = client
        .get_suggestions(request(&spec, Vec::new(), 1, 1))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(values(&first), ["a=t"]);
    // Also while no trial has been made of the first one, and whoever counts the trials.
    for (trials, total) in [
        (Vec::new(), 3),
        (trials_of(&first), 3),
        (trials_of(&first), 0),
    ] {
        let ask = request(&spec, trials, 2, total);
        let next = client.get_suggestions(ask).await.unwrap().into_inner();
        assert_eq!(values(&next), ["a=q", "a=s"]);
    }
    let validate = |spec: &ExperimentSpec| ValidateAlgorithmSettingsRequest {
        experiment: message("tune", spec),
    };
    client
        .validate_algorithm_settings(validate(&spec))
        .await
        .unwrap();
    let mut wrong = spec;
    wrong.initial_trials[2].parameter_assignments[0].value = "u".into();
    let said = "experiment.spec.initial_trials[2].parameter_assignments[0].value: Unsupported value: \"u\"";
    let error = client
        .validate_algorithm_settings(validate(&wrong))
        .await
        .unwrap_err();
    assert!(error.message().starts_with(said), "{}", error.message());
    let ask = request(&wrong, Vec::new(), 1, 1);
    let error = client.get_suggestions(ask).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().starts_with(said), "{}", error.message());
}
