//! Anything may be killed at any moment.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::pod::{Pod, eventually, finish, in_time, run, send, watch};
use crate::server::Fake;

/// As when the kernel has no memory left for the container.
#[tokio::test]
async fn exec_may_be_killed() {
    for until in ["ended", "terminated"] {
        let (pod, fake) = (Pod::new(), Fake::start().await);
        let mut config = pod.config(&fake.address());
        config["until"] = json!(until);
        let watcher = watch(&config).spawn().unwrap();
        let mut trial = pod
            .shell("echo acc=0.1; echo acc=0.2; echo $$; exec sleep 600")
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(trial.stdout.take().unwrap()).lines();
        let command = loop {
            let line = in_time(lines.next_line()).await.unwrap().unwrap();
            if let Ok(id) = line.parse() {
                break Pid::from_raw(id);
            }
        };
        send(&trial, Signal::SIGKILL);
        kill(command, Signal::SIGKILL).unwrap();
        in_time(trial.wait()).await.unwrap();
        if until == "terminated" {
            send(&watcher, Signal::SIGTERM);
        }
        assert!(finish(watcher).await.status.success());
        assert!(!pod.path("ended").exists());
        assert_eq!(fake.kept(), ["acc=0.1", "acc=0.2"], "{until}");
    }
}

#[tokio::test]
async fn a_report_without_an_answer_is_sent_again_as_it_was() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let config = pod.config(&fake.address());
    fake.be_mute(true);
    run(pod.exec(&["seq", "-f", "acc=%.0f", "2500"])).await;
    for tries in 1..4 {
        let mut watcher = watch(&config).spawn().unwrap();
        eventually("it is told", || fake.reports().len() == tries).await;
        send(&watcher, Signal::SIGKILL);
        in_time(watcher.wait()).await.unwrap();
    }
    fake.be_mute(false);
    run(watch(&config)).await;
    let reports = fake.reports();
    assert!(reports[..4].windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(reports.len(), 6);
    let expected: Vec<String> = (1..=2500).map(|number| format!("acc={number}")).collect();
    assert!(fake.kept() == expected);
    run(watch(&config)).await;
    assert_eq!(fake.reports().len(), 6, "all is delivered");
}

#[tokio::test]
async fn watch_may_be_killed_at_any_moment() {
    let (pod, fake) = (Pod::new(), Fake::start().await);
    let config = pod.config(&fake.address());
    let mut trial = pod
        .shell("for n in $(seq 400); do echo acc=$n; sleep 0.005; done")
        .spawn()
        .unwrap();
    let mut seen = 0;
    while trial.try_wait().unwrap().is_none() {
        let mut watcher = watch(&config).spawn().unwrap();
        let is_over = || pod.path("ended").exists();
        eventually("there is news", || fake.reports().len() > seen || is_over()).await;
        seen = fake.reports().len();
        send(&watcher, Signal::SIGKILL);
        in_time(watcher.wait()).await.unwrap();
    }
    run(watch(&config)).await;
    let expected: Vec<String> = (1..=400).map(|number| format!("acc={number}")).collect();
    assert_eq!(fake.kept(), expected);
}
