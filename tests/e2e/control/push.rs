//! Metrics that trials send themselves.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::{Metric, MetricLog, ObservationLog, ReportObservationLogRequest};

use super::case::{Case, WAITS, insert};
use crate::harness::Running;

/// The address of a `diwan serve`, once it listens.
fn listening(server: &mut Running) -> String {
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned()
}

/// What a trial's own process would send.
async fn push(address: &str, trial: &str, values: &[&str]) {
    let mut client = DbManagerClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let log = |(second, value): (usize, &&str)| MetricLog {
        time_stamp: format!("2026-01-01T00:00:{second:02}Z"),
        metric: Some(Metric {
            name: "score".into(),
            value: (*value).to_owned(),
        }),
    };
    let metric_logs = values.iter().enumerate().map(log).collect();
    let observation_log = Some(ObservationLog { metric_logs });
    client
        .report_observation_log(ReportObservationLogRequest {
            trial_name: trial.into(),
            observation_log,
        })
        .await
        .unwrap();
}

/// A server on the case's database, and where it listens.
fn serve(case: &Case) -> (Running, String) {
    let mut command = case.world.diwan(["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let address = listening(&mut server);
    (server, address)
}

#[test]
fn metrics_can_be_pushed_to_a_server_on_the_same_database() {
    let case = Case::with(
        2,
        2,
        WAITS,
        insert("metricsCollectorSpec: {collector: {kind: Push}}"),
    );
    let mut run = case.start(2);
    let (_server, address) = serve(&case);
    let trials = case.trials("Running");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(push(&address, &trials[0], &["0.25", "0.75", "0.5"]));
    case.touch("go");
    assert_eq!(run.code(), 0);
    assert_eq!(case.trials("Succeeded"), trials[..1]);
    assert_eq!(case.trials("MetricsUnavailable"), trials[1..]);
    let metric =
        case.world.status("case")["currentOptimalTrial"]["observation"]["metrics"][0].clone();
    assert_eq!(
        (&metric["min"], &metric["max"], &metric["latest"]),
        (&"0.25".into(), &"0.75".into(), &"0.5".into())
    );
    let told = case.world.run(["explain", &trials[0]]).stdout;
    assert_eq!(told.matches("  pushed\n").count(), 3, "{told}");
}

#[test]
fn a_trial_is_judged_by_what_it_pushes() {
    let fields = "metricsCollectorSpec: {collector: {kind: Push}}\n  \
                  earlyStopping: {algorithmName: threshold, algorithmSettings: [{name: upper, value: '9'}]}";
    let case = Case::with(1, 1, WAITS, insert(fields));
    let mut run = case.start(1);
    let (_server, address) = serve(&case);
    let trials = case.trials("Running");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(push(&address, &trials[0], &["0.25", "9.5"]));
    assert_eq!(run.code(), 0);
    let told = case.world.run(["explain", &trials[0]]).stdout;
    assert!(
        told.contains("threshold: score 9.5 at step 2 is above 9.0"),
        "{told}"
    );
}
