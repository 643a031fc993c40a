use diwan_core::observation::ReportedPoint;
use diwan_core::resources::{CollectorKind, CollectorSpec, MetricsCollectorSpec};
use diwan_core::view::WORK_ANNOTATION;
use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::db_manager_server::DbManager as _;
use diwan_proto::katib::{
    DeleteObservationLogRequest, GetObservationLogRequest, MetricLog, ReportObservationLogRequest,
};
use diwan_store::{ObservationQuery, TrialRef};
use tonic::{Code, Request};

use super::*;
use crate::grpc::db_manager::DbManagerService;

const REPORT: [(&str, &str, &str); 4] = [
    ("2024-03-04T10:00:02Z", "loss", "0.2"),
    ("2024-03-04T10:00:01.5Z", "loss", "0.3"),
    ("2024-03-04T10:00:01Z", "accuracy", "0.9"),
    ("0001-01-01T00:00:00Z", "loss", "unavailable"),
];

type Client = DbManagerClient<Channel>;

async fn report(
    client: &mut Client,
    trial: &str,
    rows: &[(&str, &str, &str)],
) -> Result<(), tonic::Status> {
    let request = ReportObservationLogRequest {
        trial_name: trial.into(),
        observation_log: log(rows),
    };
    client.report_observation_log(request).await.map(drop)
}

async fn get(
    client: &mut Client,
    request: GetObservationLogRequest,
) -> Vec<(String, String, String)> {
    let reply = client
        .get_observation_log(request)
        .await
        .unwrap()
        .into_inner();
    let row = |row: MetricLog| {
        let metric = row.metric.unwrap();
        (row.time_stamp, metric.name, metric.value)
    };
    reply
        .observation_log
        .unwrap()
        .metric_logs
        .into_iter()
        .map(row)
        .collect()
}

fn of(trial: &str) -> GetObservationLogRequest {
    GetObservationLogRequest {
        trial_name: trial.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_report_comes_back_by_time_and_once_however_often_it_is_sent() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel);
    for _ in 0..3 {
        report(&mut client, "anybody", &REPORT).await.unwrap();
    }
    let rows = get(&mut client, of("anybody")).await;
    let values: Vec<&str> = rows.iter().map(|row| row.2.as_str()).collect();
    assert_eq!(values, ["unavailable", "0.9", "0.3", "0.2"]);
    assert_eq!(rows[0].0, "0001-01-01T00:00:00Z");
    assert_eq!(rows[2].0, "2024-03-04T10:00:01.5Z");
}

#[tokio::test]
async fn reports_with_equal_times_are_kept_in_the_order_of_arrival() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel);
    let time = "2024-03-04T10:00:02Z";
    let values = ["0.5", "0.4", "0.5", "0.3", "0.4"];
    for value in values {
        for row in [(time, "loss", value), ("", "accuracy", value)] {
            report(&mut client, "anybody", &[row]).await.unwrap();
        }
    }
    for metric in ["loss", "accuracy"] {
        let of_metric = GetObservationLogRequest {
            metric_name: metric.into(),
            ..of("anybody")
        };
        let rows = get(&mut client, of_metric).await;
        let read: Vec<&str> = rows.iter().map(|row| row.2.as_str()).collect();
        assert_eq!(read, values);
    }
}

#[tokio::test]
async fn metric_and_interval_select() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel);
    report(&mut client, "anybody", &REPORT).await.unwrap();
    let loss = GetObservationLogRequest {
        metric_name: "loss".into(),
        ..of("anybody")
    };
    assert_eq!(get(&mut client, loss.clone()).await.len(), 3);
    let late = GetObservationLogRequest {
        start_time: "2024-03-04T11:00:01.5+01:00".into(),
        ..loss.clone()
    };
    assert_eq!(get(&mut client, late).await.len(), 2);
    let first = GetObservationLogRequest {
        start_time: "2024-03-04T10:00:01Z".into(),
        end_time: "2024-03-04T10:00:01.5Z".into(),
        ..of("anybody")
    };
    assert_eq!(get(&mut client, first).await.len(), 2);
}

#[tokio::test]
async fn deleted_and_unknown_trials_have_reported_nothing() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel);
    report(&mut client, "anybody", &REPORT).await.unwrap();
    let delete = DeleteObservationLogRequest {
        trial_name: "anybody".into(),
    };
    for _ in 0..2 {
        client.delete_observation_log(delete.clone()).await.unwrap();
        assert!(get(&mut client, of("anybody")).await.is_empty());
    }
    assert!(get(&mut client, of("nobody")).await.is_empty());
}

#[tokio::test]
async fn reports_for_a_trial_of_ours_go_to_it() {
    let fixture = Fixture::new().await;
    let snapshot = fixture
        .experiment("lab", "tune", spec("random"), &["tune-a"])
        .await;
    let mut client = DbManagerClient::new(fixture.channel.clone());
    report(&mut client, "tune-a", &REPORT).await.unwrap();
    let trial = TrialRef::new(&snapshot.record, &snapshot.active[&0]);
    let stored = fixture
        .store
        .observations(&ObservationQuery::of(trial))
        .await
        .unwrap();
    assert_eq!(stored.len(), REPORT.len());
    assert_eq!(get(&mut client, of("tune-a")).await.len(), REPORT.len());
}

#[tokio::test]
async fn points_that_would_count_for_nothing_are_refused() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel.clone());
    for (name, kind, accepted) in [
        ("reads", CollectorKind::StdOut, false),
        ("listens", CollectorKind::Push, true),
    ] {
        let mut spec = spec("random");
        spec.metrics_collector_spec = Some(MetricsCollectorSpec {
            collector: Some(CollectorSpec {
                kind: Some(kind),
                ..Default::default()
            }),
            ..Default::default()
        });
        let trial = format!("{name}-a");
        let mut snapshot = fixture.experiment("default", name, spec, &[&trial]).await;
        let annotations = &mut snapshot.record.metadata.annotations;
        annotations.insert(WORK_ANNOTATION.into(), "/work".into());
        let (key, version) = (snapshot.record.key(), snapshot.version);
        let change = snapshot.take_change();
        fixture.store.commit(&key, version, &change).await.unwrap();
        let answer = report(&mut client, &trial, &REPORT).await;
        assert_eq!(get(&mut client, of(&trial)).await.is_empty(), !accepted);
        match answer {
            Ok(()) => assert!(accepted),
            Err(refusal) => {
                assert_eq!(refusal.code(), Code::FailedPrecondition);
                assert!(
                    refusal.message().contains("experiment default/reads")
                        && refusal.message().contains("kind Push"),
                    "{refusal}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_two_active_trials_have_is_refused() {
    let fixture = Fixture::new().await;
    fixture
        .experiment("lab", "tune", spec("random"), &["same"])
        .await;
    fixture
        .experiment("shop", "tune", spec("random"), &["same"])
        .await;
    let mut client = DbManagerClient::new(fixture.channel);
    let error = report(&mut client, "same", &REPORT).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(
        error.message().contains("lab/tune") && error.message().contains("shop/tune"),
        "{}",
        error.message()
    );
}

#[tokio::test]
async fn bad_requests_name_the_field() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel);
    let nameless = report(&mut client, "", &REPORT).await.unwrap_err();
    assert_eq!(nameless.code(), Code::InvalidArgument);
    assert!(nameless.message().starts_with("trial_name: "));
    let timeless = report(&mut client, "a", &[("now", "loss", "1")])
        .await
        .unwrap_err();
    assert!(
        timeless
            .message()
            .starts_with("observation_log.metric_logs[0].time_stamp: ")
    );
    let query = GetObservationLogRequest {
        end_time: "tomorrow".into(),
        ..of("a")
    };
    let error = client.get_observation_log(query).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error.message().starts_with("end_time: "),
        "{}",
        error.message()
    );
}

#[tokio::test]
async fn logs_of_any_length_come_back_whole() {
    let fixture = Fixture::new().await;
    let mut client = DbManagerClient::new(fixture.channel).max_decoding_message_size(64 << 20);
    let values: Vec<String> = (0..25_000).map(|number| number.to_string()).collect();
    let rows: Vec<(&str, &str, &str)> = values
        .iter()
        .map(|value| ("2024-03-04T10:00:02Z", "loss", value.as_str()))
        .collect();
    report(&mut client, "long", &rows).await.unwrap();
    assert_eq!(get(&mut client, of("long")).await.len(), rows.len());
}

#[tokio::test]
async fn a_log_that_is_too_long_for_a_reply_is_asked_for_in_parts() {
    let store = diwan_store::open("sqlite::memory:").await.unwrap();
    let trial = store.foreign_trial("long").await.unwrap();
    let point = |metric: &str| ReportedPoint {
        metric: metric.to_owned(),
        value: "1".to_owned(),
        time_ns: None,
        step: None,
    };
    let points = ["accuracy", "loss", "loss", "loss"].map(point);
    store.report(&trial, &points).await.unwrap();
    let service = DbManagerService {
        store,
        most_points: 3,
    };
    let ask = |metric: &str| {
        let request = GetObservationLogRequest {
            metric_name: metric.to_owned(),
            ..of("long")
        };
        service.get_observation_log(Request::new(request))
    };
    let refusal = ask("").await.unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(
        refusal.message(),
        "the trial has reported more than 3 of these points, too many for one reply; ask for one metric_name and for one \
         interval from start_time to end_time after the other"
    );
    let loss = ask("loss").await.unwrap().into_inner();
    assert_eq!(loss.observation_log.unwrap().metric_logs.len(), 3);
}
