//! Trials that are stopped early.

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::pod::{Pod, eventually, finish, in_time, run, send, text, watch};
use crate::server::{Fake, Told};

#[tokio::test]
async fn a_stopped_command_succeeds() {
    let pod = Pod::new();
    // A shell that does not pass TERM on, as most do not.
    let mut child = pod.shell("sh -c 'trap \"echo bye; exit 3\" TERM; echo ready; while :; do sleep 0.01; done'; true").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    in_time(lines.next_line()).await.unwrap();
    std::fs::write(
        pod.path("stop"),
        json!({"graceSeconds": 60, "reason": "acc is low"}).to_string(),
    )
    .unwrap();
    assert_eq!(
        in_time(lines.next_line()).await.unwrap().as_deref(),
        Some("bye")
    );
    let output = finish(child).await;
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("stopped early: acc is low"));
    assert_eq!(pod.ended()["stopped"], true);
}

#[tokio::test]
async fn what_ignores_term_is_killed_after_its_grace() {
    let pod = Pod::new();
    let mut child = pod
        .shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    in_time(lines.next_line()).await.unwrap();
    std::fs::write(pod.path("stop"), r#"{"graceSeconds": 1}"#).unwrap();
    assert!(finish(child).await.status.success());
    assert_eq!(pod.ended(), json!({"signal": 9, "stopped": true}));
}

#[tokio::test]
async fn a_stopped_trial_is_not_started_again() {
    let pod = Pod::new();
    std::fs::write(pod.path("stop"), "{}").unwrap();
    let output = run(pod.shell("echo no")).await;
    assert!(output.status.success() && output.stdout.is_empty());
    assert_eq!(pod.ended(), json!({"code": 0, "stopped": true}));
}

#[tokio::test]
async fn rules_that_hold_stop_the_trial() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let mut config = pod.config(&fake.address());
    config["earlyStopping"] = json!({
        "address": fake.address(),
        "rules": [{"name": "acc", "value": "0.5", "comparison": "less", "startStep": 3}],
        "graceSeconds": 20,
    });
    let watcher = watch(&config).spawn().unwrap();
    let trial = pod
        .shell("for n in 1 2 3; do echo acc=0.$n; done; while :; do sleep 0.01; done")
        .spawn()
        .unwrap();
    let (watcher, trial) = (finish(watcher).await, finish(trial).await);
    assert!(trial.status.success() && watcher.status.success());
    let why = "acc 0.3 is less than 0.5 at report 3";
    assert!(text(&watcher.stderr).contains(why) && text(&trial.stderr).contains(why));
    assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2", "acc=0.3"]);
    assert_eq!(
        fake.told().last(),
        Some(&Told::Stopped("tune-a".to_owned()))
    );
    assert_eq!(pod.ended()["stopped"], true);
}

#[tokio::test]
async fn a_trial_that_has_ended_is_not_stopped() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    run(pod.shell("echo acc=0.1")).await;
    let mut config = pod.config(&fake.address());
    let rule = json!({"name": "acc", "value": "0.5", "comparison": "less"});
    config["earlyStopping"] = json!({"address": fake.address(), "rules": [rule]});
    assert!(run(watch(&config)).await.status.success());
    assert_eq!(
        (fake.told().len(), fake.kept()),
        (1, vec!["acc=0.1".to_owned()])
    );
    assert!(!pod.path("stop").exists());
}

/// The count of reports that a rule goes by survives the collector.
#[tokio::test]
async fn a_collector_that_was_killed_goes_on_counting() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let mut config = pod.config(&fake.address());
    let rule = json!({"name": "acc", "value": "0.5", "comparison": "less", "startStep": 3});
    config["earlyStopping"] =
        json!({"address": fake.address(), "rules": [rule], "graceSeconds": 20});
    let mut first = watch(&config).spawn().unwrap();
    let script = "echo acc=0.1; echo acc=0.2; while ! test -e $0; do sleep 0.01; done; echo acc=0.3; while :; do sleep 0.01; done";
    let go = pod.path("go");
    let trial = pod
        .exec(&["sh", "-c", script, go.to_str().unwrap()])
        .spawn()
        .unwrap();
    eventually("two are reported", || fake.kept().len() == 2).await;
    send(&first, Signal::SIGKILL);
    in_time(first.wait()).await.unwrap();
    std::fs::write(go, "").unwrap();
    assert!(run(watch(&config)).await.status.success());
    assert!(finish(trial).await.status.success());
    assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2", "acc=0.3"]);
    assert_eq!(
        fake.told().last(),
        Some(&Told::Stopped("tune-a".to_owned()))
    );
}

/// One that was killed when it had asked for the stop and written down nothing.
#[tokio::test]
async fn a_collector_that_was_killed_tells_of_the_stop() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    run(pod.shell("echo acc=0.1")).await;
    std::fs::write(pod.path("stop"), "{}").unwrap();
    let mut config = pod.config(&fake.address());
    let rule = json!({"name": "acc", "value": "0.5", "comparison": "less"});
    config["earlyStopping"] = json!({"address": fake.address(), "rules": [rule]});
    assert!(run(watch(&config)).await.status.success());
    let told = fake.told();
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], Told::Stopped("tune-a".to_owned()));
}
