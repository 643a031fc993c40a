//! `api.v1.beta1.Suggestion`.

use diwan_proto::katib::suggestion_client::SuggestionClient;
use diwan_proto::katib::{
    GetSuggestionsReply, GetSuggestionsRequest, Trial, ValidateAlgorithmSettingsRequest,
};
use tonic::Code;

use super::super::listening::Listening;
use super::messages::{experiment, trial};
use crate::harness::World;

fn request(algorithm: &str, trials: Vec<Trial>, count: i32) -> GetSuggestionsRequest {
    let total_request_number = i32::try_from(trials.len()).unwrap() + count;
    GetSuggestionsRequest {
        experiment: Some(experiment(algorithm)),
        trials,
        current_request_number: count,
        total_request_number,
    }
}

fn values(reply: &GetSuggestionsReply) -> Vec<&str> {
    reply
        .parameter_assignments
        .iter()
        .map(|point| point.assignments[0].value.as_str())
        .collect()
}

#[tokio::test]
async fn any_history_is_accepted_and_nothing_is_remembered() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let mut client = SuggestionClient::new(server.connect().await);
    for algorithm in ["random", "sobol"] {
        let history = vec![
            trial("mine", "0.25"),
            trial("outside", "17"),
            trial("word", "much"),
        ];
        let ask = request(algorithm, history, 4);
        let first = client
            .get_suggestions(ask.clone())
            .await
            .unwrap()
            .into_inner();
        let again = client.get_suggestions(ask).await.unwrap().into_inner();
        assert_eq!(values(&first).len(), 4);
        assert!(
            values(&first)
                .iter()
                .all(|x| (0.0..=1.0).contains(&x.parse::<f64>().unwrap()))
        );
        assert_eq!(first, again);
    }
    let none = world.json(["get", "experiments", "-o", "json"]);
    assert_eq!(none["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_bad_request_names_every_wrong_field() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let mut client = SuggestionClient::new(server.connect().await);
    let error = client
        .get_suggestions(request("random", Vec::new(), -1))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error.message().starts_with("current_request_number: "),
        "{}",
        error.message()
    );

    let mut wrong = experiment("sobl");
    let spec = wrong.spec.as_mut().unwrap();
    spec.parameter_specs.as_mut().unwrap().parameters[0]
        .feasible_space
        .as_mut()
        .unwrap()
        .min = "one".into();
    let ask = ValidateAlgorithmSettingsRequest {
        experiment: Some(wrong),
    };
    let error = client.validate_algorithm_settings(ask).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    for told in [
        "experiment.spec.parameter_specs.parameters[0].feasible_space.min: Invalid value: \"one\"",
        "experiment.spec.algorithm.algorithm_name: Invalid value: unknown algorithm \"sobl\"; did you mean sobol?",
    ] {
        assert!(
            error.message().contains(told),
            "{told} in {}",
            error.message()
        );
    }
    let ask = ValidateAlgorithmSettingsRequest {
        experiment: Some(experiment("sobol")),
    };
    client.validate_algorithm_settings(ask).await.unwrap();
}
