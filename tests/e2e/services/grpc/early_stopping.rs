//! `api.v1.beta1.EarlyStopping`.

use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::early_stopping_client::EarlyStoppingClient;
use diwan_proto::katib::{
    ComparisonType, GetEarlyStoppingRulesRequest, SetTrialStatusRequest,
    ValidateEarlyStoppingSettingsRequest,
};
use serde_json::Value;
use tonic::Code;

use super::super::listening::Listening;
use super::messages::{experiment, losses, median_stop, trial};
use crate::harness::{self, World, eventually};

#[tokio::test]
async fn rules_are_made_of_what_was_reported() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let channel = server.connect().await;
    let mut reports = DbManagerClient::new(channel.clone());
    for (name, values) in [
        ("a", ["1", "2", "9"]),
        ("b", ["2", "4", "9"]),
        ("c", ["3", "6", "9"]),
    ] {
        reports
            .report_observation_log(losses(name, &values))
            .await
            .unwrap();
    }
    let mut stopped_early = experiment("random");
    stopped_early.spec.as_mut().unwrap().early_stopping = Some(median_stop("start_step", "2"));
    let ask = GetEarlyStoppingRulesRequest {
        experiment: Some(stopped_early),
        trials: vec![trial("a", "0.1"), trial("b", "0.2"), trial("c", "0.3")],
        db_manager_address: String::new(),
    };
    let mut client = EarlyStoppingClient::new(channel);
    let rules = client
        .get_early_stopping_rules(ask)
        .await
        .unwrap()
        .into_inner()
        .early_stopping_rules;
    assert_eq!(rules.len(), 1);
    // Means of the first two reports: 1.5, 3 and 4.5.
    assert_eq!(
        (
            rules[0].name.as_str(),
            rules[0].value.parse(),
            rules[0].start_step
        ),
        ("loss", Ok(3.0), 2)
    );
    assert_eq!(rules[0].comparison(), ComparisonType::Greater);
}

#[tokio::test]
async fn settings_are_checked() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let mut client = EarlyStoppingClient::new(server.connect().await);
    let mut validate = async |name: &str, value: &str| {
        let request = ValidateEarlyStoppingSettingsRequest {
            early_stopping: Some(median_stop(name, value)),
        };
        client
            .validate_early_stopping_settings(request)
            .await
            .map(drop)
    };
    validate("start_step", "4").await.unwrap();
    let error = validate("start_step", "soon").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error
            .message()
            .starts_with("early_stopping.algorithm_settings[start_step]: "),
        "{}",
        error.message()
    );
}

/// The server tells the store, and whoever runs the trial carries it out.
#[tokio::test]
async fn a_trial_that_another_process_runs_is_stopped() {
    let world = World::new();
    let file = world.file(
        "long.yaml",
        &harness::experiment("long", 1, 1, "echo score=$X; exec sleep 600"),
    );
    let mut run = world.start(["run", file.to_str().unwrap()]);
    let running = || {
        world
            .run(["get", "trials", "--experiment", "long", "-o", "name"])
            .stdout
    };
    eventually("the trial is there", || !running().is_empty());
    let name = world.trials("long")[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    eventually("it has reported", || {
        world.run(["explain", &name]).stdout.contains("score = ")
    });

    let server = Listening::diwan(&world);
    let mut client = EarlyStoppingClient::new(server.connect().await);
    let request = SetTrialStatusRequest { trial_name: name };
    client.set_trial_status(request.clone()).await.unwrap();
    assert_eq!(run.code(), 0);
    let status = world.status("long");
    assert_eq!(status["trialsEarlyStopped"], Value::from(1), "{status}");
    client
        .set_trial_status(request)
        .await
        .expect("told twice, it is stopped once");
    let stranger = SetTrialStatusRequest {
        trial_name: "stranger".into(),
    };
    assert_eq!(
        client.set_trial_status(stranger).await.unwrap_err().code(),
        Code::NotFound
    );
}
