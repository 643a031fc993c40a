use diwan_core::resources::{AlgorithmSetting, EarlyStoppingSpec};
use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::early_stopping_client::EarlyStoppingClient;
use diwan_proto::katib::trial_status::TrialConditionType;
use diwan_proto::katib::{
    ComparisonType, EarlyStoppingSetting, GetEarlyStoppingRulesRequest,
    ReportObservationLogRequest, SetTrialStatusRequest, ValidateEarlyStoppingSettingsRequest,
};
use tonic::Code;

use super::*;

fn stopping(setting: &str, value: &str) -> ExperimentSpec {
    stopping_by("medianstop", setting, value)
}

fn stopping_by(rule: &str, setting: &str, value: &str) -> ExperimentSpec {
    ExperimentSpec {
        early_stopping: Some(EarlyStoppingSpec {
            algorithm_name: rule.into(),
            algorithm_settings: vec![AlgorithmSetting {
                name: setting.into(),
                value: value.into(),
            }],
        }),
        ..spec("random")
    }
}

/// Reports three losses for each of three trials, newest first, and returns the trials, succeeded.
async fn reported(fixture: &Fixture) -> Vec<katib::Trial> {
    let mut client = DbManagerClient::new(fixture.channel.clone());
    let mut trials = Vec::new();
    for (name, values) in [
        ("a", ["9", "2", "1"]),
        ("b", ["9", "4", "2"]),
        ("c", ["9", "6", "3"]),
    ] {
        let [late, middle, early] = values;
        let rows = [
            ("2024-03-04T10:00:03Z", "loss", late),
            ("2024-03-04T10:00:02Z", "loss", middle),
            ("2024-03-04T10:00:01Z", "loss", early),
        ];
        let request = ReportObservationLogRequest {
            trial_name: name.into(),
            observation_log: log(&rows),
        };
        client.report_observation_log(request).await.unwrap();
        let status = katib::TrialStatus {
            condition: TrialConditionType::Succeeded.into(),
            ..Default::default()
        };
        let x = katib::ParameterAssignment {
            name: "x".into(),
            value: "0.5".into(),
        };
        let assignments = katib::trial_spec::ParameterAssignments {
            assignments: vec![x],
        };
        let spec = katib::TrialSpec {
            parameter_assignments: Some(assignments),
            ..Default::default()
        };
        trials.push(katib::Trial {
            name: name.into(),
            spec: Some(spec),
            status: Some(status),
        });
    }
    trials
}

async fn rules(
    fixture: &Fixture,
    request: GetEarlyStoppingRulesRequest,
) -> Result<Vec<katib::EarlyStoppingRule>, tonic::Status> {
    let mut client = EarlyStoppingClient::new(fixture.channel.clone());
    Ok(client
        .get_early_stopping_rules(request)
        .await?
        .into_inner()
        .early_stopping_rules)
}

#[tokio::test]
async fn rules_come_from_the_first_reports_by_time() {
    let fixture = Fixture::new().await;
    let trials = reported(&fixture).await;
    let request = GetEarlyStoppingRulesRequest {
        experiment: message("tune", &stopping("start_step", "2")),
        trials: trials.clone(),
        db_manager_address: String::new(),
    };
    let found = rules(&fixture, request.clone()).await.unwrap();
    // Means of the first two losses: 1.5, 3, 4.5.
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].name.as_str(),
            found[0].value.as_str(),
            found[0].start_step
        ),
        ("loss", "3.0", 2)
    );
    assert_eq!(found[0].comparison(), ComparisonType::Greater);

    let few = GetEarlyStoppingRulesRequest {
        trials: trials[..2].to_vec(),
        ..request.clone()
    };
    assert!(rules(&fixture, few).await.unwrap().is_empty());
    let never = GetEarlyStoppingRulesRequest {
        experiment: message("tune", &spec("random")),
        ..request
    };
    assert!(rules(&fixture, never).await.unwrap().is_empty());
}

#[tokio::test]
async fn successive_halving_counts_trials_that_were_stopped() {
    let fixture = Fixture::new().await;
    let mut trials = reported(&fixture).await;
    let stopped = trials[2].status.as_mut().unwrap();
    stopped.condition = TrialConditionType::Earlystopped.into();
    let request = GetEarlyStoppingRulesRequest {
        experiment: message("tune", &stopping_by("asha", "eta", "2")),
        trials,
        db_manager_address: String::new(),
    };
    // The losses of the first rung are 1, 2 and 3; of four trials two may pass.
    let found = rules(&fixture, request.clone()).await.unwrap();
    assert_eq!((found[0].value.as_str(), found[0].start_step), ("2.0", 1));
    assert_eq!(found[0].comparison(), ComparisonType::Greater);
    let unfixed = GetEarlyStoppingRulesRequest {
        experiment: message("tune", &stopping_by("plateau", "patience", "2")),
        ..request
    };
    assert!(rules(&fixture, unfixed).await.unwrap().is_empty());
}

#[tokio::test]
async fn reports_that_are_elsewhere_are_asked_for_there() {
    let elsewhere = Fixture::new().await;
    let trials = reported(&elsewhere).await;
    let here = Fixture::new().await;
    let request = |address: &str| GetEarlyStoppingRulesRequest {
        experiment: message("tune", &stopping("start_step", "2")),
        trials: trials.clone(),
        db_manager_address: address.to_owned(),
    };
    assert_eq!(
        rules(&here, request(&elsewhere.address)).await.unwrap()[0].value,
        "3.0"
    );
    assert!(rules(&here, request("")).await.unwrap().is_empty());
    let error = rules(&here, request("no host")).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error.message().starts_with("db_manager_address: "),
        "{}",
        error.message()
    );
    let error = rules(&here, request("127.0.0.1:1")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn settings_are_validated_by_their_names() {
    let fixture = Fixture::new().await;
    let mut client = EarlyStoppingClient::new(fixture.channel);
    let mut validate = async |rule: &str, name: &str, value: &str| {
        let setting = EarlyStoppingSetting {
            name: name.into(),
            value: value.into(),
        };
        let early_stopping = Some(katib::EarlyStoppingSpec {
            algorithm_name: rule.into(),
            algorithm_settings: vec![setting],
        });
        let request = ValidateEarlyStoppingSettingsRequest { early_stopping };
        client
            .validate_early_stopping_settings(request)
            .await
            .map(drop)
    };
    validate("medianstop", "min_trials_required", "5")
        .await
        .unwrap();
    for (rule, name, value, place) in [
        (
            "medianstop",
            "start_step",
            "0",
            "early_stopping.algorithm_settings[start_step]: ",
        ),
        (
            "medianstop",
            "start",
            "1",
            "early_stopping.algorithm_settings[start]: ",
        ),
        (
            "mediansotp",
            "start_step",
            "1",
            "early_stopping.algorithm_name: ",
        ),
    ] {
        let error = validate(rule, name, value).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(
            error.message().starts_with(place),
            "{} at {place}",
            error.message()
        );
    }
}

#[tokio::test]
async fn a_stop_is_noted_for_trials_of_ours_only() {
    let fixture = Fixture::new().await;
    fixture
        .experiment("lab", "tune", spec("random"), &["tune-a"])
        .await;
    let mut client = EarlyStoppingClient::new(fixture.channel.clone());
    let mut set = async |name: &str| {
        client
            .set_trial_status(SetTrialStatusRequest {
                trial_name: name.into(),
            })
            .await
            .map(drop)
    };
    set("tune-a").await.unwrap();
    assert_eq!(*fixture.notes.0.lock().unwrap(), ["tune-a"]);
    assert_eq!(set("tune-b").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(set("").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_trial_that_has_ended_cannot_be_stopped() {
    let fixture = Fixture::new().await;
    let mut snapshot = fixture
        .experiment("lab", "tune", spec("random"), &["tune-a"])
        .await;
    let cause = diwan_core::record::StopCause::Requested;
    snapshot
        .apply(
            Event::Stopping { trial: 0, cause },
            Timestamp::from_millis(1),
        )
        .unwrap();
    let change = snapshot.take_change();
    fixture
        .store
        .commit(&Fixture::key("lab", "tune"), 1, &change)
        .await
        .unwrap();
    let mut client = EarlyStoppingClient::new(fixture.channel);
    let error = client
        .set_trial_status(SetTrialStatusRequest {
            trial_name: "tune-a".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!(
        error.message(),
        "trial \"tune-a\" has already ended: Killed"
    );
}
