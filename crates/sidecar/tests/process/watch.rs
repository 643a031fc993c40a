//! What `watch` reports.

use diwan_core::sidecar::Undelivered;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::pod::{Pod, eventually, finish, in_time, run, send, text, watch};
use crate::server::Fake;

#[tokio::test]
async fn a_trial_of_50_ms_is_reported_whoever_starts_first() {
    for trial_first in [true, false] {
        let (pod, fake) = (Pod::new(), Fake::start().await);
        let config = pod.config(&fake.address());
        let trial = pod.shell("sleep 0.05; printf acc=0.9");
        let output = if trial_first {
            run(trial).await;
            run(watch(&config)).await
        } else {
            let watcher = watch(&config).spawn().unwrap();
            run(trial).await;
            finish(watcher).await
        };
        assert!(output.status.success());
        assert_eq!(
            (text(&output.stdout), text(&output.stderr)),
            ("acc=0.9".to_owned(), String::new())
        );
        assert_eq!(fake.kept(), ["acc=0.9"]);
    }
}

#[tokio::test]
async fn observations_stream_while_the_trial_runs() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let watcher = watch(&pod.config(&fake.address())).spawn().unwrap();
    let go = pod.path("go");
    let script = "echo acc=0.1; while ! test -e $0; do sleep 0.01; done; echo acc=0.2";
    let trial = pod
        .exec(&["sh", "-c", script, go.to_str().unwrap()])
        .spawn()
        .unwrap();
    eventually("it is reported", || fake.kept() == ["acc=0.1"]).await;
    std::fs::write(go, "").unwrap();
    finish(trial).await;
    finish(watcher).await;
    assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2"]);
}

#[tokio::test]
async fn a_trial_that_fails_keeps_its_metrics() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    run(pod.shell("echo acc=0.1; echo acc=nan >&2; kill -SEGV $$")).await;
    assert!(
        run(watch(&pod.config(&fake.address())))
            .await
            .status
            .success()
    );
    let mut kept = fake.kept();
    kept.sort();
    assert_eq!(kept, ["acc=0.1", "acc=nan"]);
}

#[tokio::test]
async fn no_objective_is_no_report() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    run(pod.shell("echo nothing here")).await;
    let output = run(watch(&pod.config(&fake.address()))).await;
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "nothing here\n");
    let said = text(&output.stderr);
    assert!(
        said.contains("trial team/tune-a has not reported the objective \"acc\""),
        "{said}"
    );
    assert!(fake.told().is_empty());
}

#[tokio::test]
async fn a_hundred_thousand_lines() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let watcher = watch(&pod.config(&fake.address())).spawn().unwrap();
    let trial = pod.exec(&["seq", "-f", "acc=%.0f", "100000"]);
    assert!(run(trial).await.status.success());
    let output = finish(watcher).await;
    let expected: Vec<String> = (1..=100_000)
        .map(|number| format!("acc={number}"))
        .collect();
    assert!(fake.kept() == expected);
    assert!(
        text(&output.stdout)
            .lines()
            .eq(expected.iter().map(String::as_str))
    );
    let reports = fake.reports();
    let times: Vec<String> = reports
        .iter()
        .flat_map(|report| &report.observation_log.as_ref().unwrap().metric_logs)
        .map(|log| log.time_stamp.clone())
        .collect();
    assert!(
        reports
            .iter()
            .all(|report| report.observation_log.as_ref().unwrap().metric_logs.len() <= 1000)
    );
    let mut moments = times.clone();
    moments.sort();
    moments.dedup();
    assert_eq!(moments.len(), times.len(), "each has a moment of its own");
}

#[tokio::test]
async fn a_file_of_json_is_read_to_its_end() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let file = pod.path("metrics.json");
    let mut config = pod.config(&fake.address());
    config["metricsCollector"] = json!({
        "collector": {"kind": "File"},
        "source": {"fileSystemPath": {"path": file, "kind": "File", "format": "JSON"}},
    });
    config.as_object_mut().unwrap().remove("log");
    let watcher = watch(&config).spawn().unwrap();
    let script = r#"echo '{"acc": 0.1, "timestamp": "2026-11-21T10:00:00Z"}' > $0; echo acc=7; printf '{"acc": "0.2"}' >> $0"#;
    run(pod.exec(&["sh", "-c", script, file.to_str().unwrap()])).await;
    assert!(finish(watcher).await.status.success());
    assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2"]);
    let reports = fake.reports();
    let time = &reports[0].observation_log.as_ref().unwrap().metric_logs[0].time_stamp;
    assert_eq!(time, "2026-11-21T10:00:00Z", "its own");
}

#[tokio::test]
async fn a_database_manager_that_is_down_is_waited_for() {
    let pod = Pod::new();
    let address = Fake::start().await.address;
    let mut watcher = watch(&pod.config(&address.to_string())).spawn().unwrap();
    run(pod.shell("echo acc=0.1; sleep 0.3; echo acc=0.2")).await;
    eventually("it has tried", || {
        pod.text("observations.jsonl").contains("0.1")
    })
    .await;
    assert!(watcher.try_wait().unwrap().is_none());
    let fake = Fake::at(address).await;
    let output = finish(watcher).await;
    assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2"]);
    let said = text(&output.stderr);
    assert!(
        said.contains("cannot be delivered yet, it is tried again")
            && said.contains("Connection refused"),
        "{said}"
    );
}

#[tokio::test]
async fn term_delivers_what_there_is_within_its_time() {
    let pod = Pod::new();
    let address = Fake::start().await.address;
    let mut config = pod.config(&address.to_string());
    config["until"] = json!("terminated");
    let last_words = pod.path("termination-log");
    std::fs::write(&last_words, "").unwrap();
    let mut watcher = watch(&config);
    watcher.arg("--last-words").arg(&last_words);
    let watcher = watcher.spawn().unwrap();
    run(pod.shell("echo acc=0.1; echo acc=0.2")).await;
    send(&watcher, Signal::SIGTERM);
    let output = finish(watcher).await;
    assert!(output.status.success());
    let left = Undelivered::read(&pod.text("termination-log")).unwrap();
    assert!(left.is_whole);
    let values = left.reports.concat().into_iter().map(|(_, value, _)| value);
    assert!(values.eq(["0.1", "0.2"]));
    let said = text(&output.stderr);
    assert!(
        said.contains(
            "2 observations of trial team/tune-a could not be delivered within 2 s: 127.0.0.1"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_native_sidecar_ends_with_term_only() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let mut config = pod.config(&fake.address());
    config["until"] = json!("terminated");
    let mut watcher = watch(&config).spawn().unwrap();
    run(pod.shell("echo acc=0.1; exit 1")).await;
    eventually("it is reported", || fake.kept() == ["acc=0.1"]).await;
    run(pod.shell("echo acc=0.2")).await;
    eventually("the second run too", || fake.kept().len() == 2).await;
    assert!(watcher.try_wait().unwrap().is_none());
    send(&watcher, Signal::SIGTERM);
    assert!(finish(watcher).await.status.success());
}

#[tokio::test]
async fn a_container_that_is_started_again_goes_on() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let mut config = pod.config(&fake.address());
    config["restarts"] = json!(true);
    let mut watcher = watch(&config).spawn().unwrap();
    run(pod.shell("echo acc=0.1; exit 1")).await;
    eventually("it is reported", || fake.kept() == ["acc=0.1"]).await;
    assert!(watcher.try_wait().unwrap().is_none());
    run(pod.shell("echo acc=0.2")).await;
    assert!(finish(watcher).await.status.success());
    assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2"]);
}

#[tokio::test]
async fn what_cannot_be_used_is_said() {
    let pod = Pod::new();
    let mut config = pod.config("db:1");
    config["metricsCollector"] = json!({"collector": {"kind": "Push"}});
    let output = run(watch(&config)).await;
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("metricsCollector.collector.kind is Push; this program reads StdOut, File, TensorFlowEvent, PrometheusMetric"),
        "{said}"
    );
    config["extra"] = json!(1);
    let output = run(watch(&config)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(
        "DIWAN_COLLECT cannot be used: it is not what this program reads: unknown field `extra`"
    ));
}

#[tokio::test]
async fn event_files_are_read() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../collect/tests/data/train.tfevents"
    );
    let mut config = pod.config(&fake.address());
    config["objective"]["objectiveMetricName"] = json!("train/accuracy");
    config["metricsCollector"] = json!({
        "collector": {"kind": "TensorFlowEvent"},
        "source": {"fileSystemPath": {"path": pod.path("logs"), "kind": "Directory"}},
    });
    let watcher = watch(&config).spawn().unwrap();
    let script = "mkdir -p $1/train; cp $0 $1/train/events.out.tfevents.1";
    let logs = pod.path("logs");
    run(pod.exec(&["sh", "-c", script, file, logs.to_str().unwrap()])).await;
    assert!(finish(watcher).await.status.success());
    assert_eq!(
        fake.kept(),
        [
            "train/accuracy=0.5",
            "train/accuracy=0.75",
            "train/accuracy=0.9"
        ]
    );
}

#[tokio::test]
async fn an_endpoint_is_asked_while_the_trial_runs() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = pod.config(&fake.address());
    config["metricsCollector"] = json!({
        "collector": {"kind": "PrometheusMetric"},
        "source": {"httpGet": {"path": "/metrics", "port": listener.local_addr().unwrap().port()}},
    });
    let go = pod.path("go");
    let script = "while ! test -e $0; do sleep 0.01; done";
    let trial = pod
        .exec(&["sh", "-c", script, go.to_str().unwrap()])
        .spawn()
        .unwrap();
    let watcher = watch(&config).spawn().unwrap();
    for value in ["0.1", "0.1", "0.2"] {
        let (mut stream, _) = in_time(listener.accept()).await.unwrap();
        let mut question = String::new();
        let mut lines = BufReader::new(&mut stream);
        while !question.ends_with("\r\n\r\n") {
            in_time(lines.read_line(&mut question)).await.unwrap();
        }
        assert!(question.starts_with("GET /metrics "), "{question}");
        let answer = format!("HTTP/1.0 200 OK\r\n\r\n# TYPE acc gauge\nacc {value}\n");
        in_time(stream.write_all(answer.as_bytes())).await.unwrap();
    }
    eventually("both values are reported", || {
        fake.kept() == ["acc=0.1", "acc=0.2"]
    })
    .await;
    std::fs::write(go, "").unwrap();
    finish(trial).await;
    assert!(finish(watcher).await.status.success());
    assert_eq!(fake.kept().len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_ends_with_the_trial() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let mut config = pod.config(&fake.address());
    config["metricsCollector"] = json!({
        "collector": {"kind": "File"},
        "source": {"fileSystemPath": {"path": pod.path("")}},
    });
    run(pod.shell("true")).await;
    let output = run(watch(&config)).await;
    assert!(output.status.success());
    let said = text(&output.stderr);
    assert_eq!(said.matches("cannot be read").count(), 1, "{said}");
}
