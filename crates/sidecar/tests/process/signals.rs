//! Signals for the command.

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::pod::{PROGRAM, Pod, finish, in_time, run, send, text};

#[tokio::test]
async fn are_passed_on() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ] {
        let pod = Pod::new();
        let name = signal.as_str().trim_start_matches("SIG");
        let script =
            format!("trap 'echo caught; exit 7' {name}; echo ready; while :; do sleep 0.01; done");
        let mut child = pod.shell(&script).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(in_time(lines.next_line()).await.unwrap().unwrap(), "ready");
        send(&child, signal);
        assert_eq!(
            in_time(lines.next_line()).await.unwrap().unwrap(),
            "caught",
            "{signal}"
        );
        assert_eq!(finish(child).await.status.code(), Some(7), "{signal}");
        assert_eq!(pod.ended()["code"], 7);
    }
}

#[tokio::test]
async fn kill_the_command_as_they_would_without_us() {
    let pod = Pod::new();
    let mut child = pod.shell("echo ready; exec sleep 600").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    in_time(lines.next_line()).await.unwrap();
    send(&child, Signal::SIGTERM);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
    assert_eq!(pod.ended()["signal"], 15);
}

/// None is blocked or ignored in the command.
#[tokio::test]
async fn are_the_command_s_to_handle() {
    let pod = Pod::new();
    let show = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"];
    let output = run(pod.exec(&show)).await;
    for line in text(&output.stdout).lines() {
        let mask = line.split_whitespace().last().unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        // Those above are the C library's and whatever started the test's.
        assert_eq!(mask & 0x7fff_ffff, 0, "{line}");
    }
}

/// As in a container, where the kernel drops signals that process 1 does not listen to, and gives it all orphans.
#[tokio::test]
async fn reach_the_command_through_process_1() {
    let pod = Pod::new();
    let script = "(sleep 0.01 &); trap 'exit 9' TERM; kill -TERM 1; while :; do sleep 0.01; done";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--pid", "--fork", PROGRAM]);
    command.arg("exec").arg("--dir").arg(pod.path(""));
    command.args(["--", "sh", "-c", script]);
    let output = run(command).await;
    assert_eq!(output.status.code(), Some(9), "{}", text(&output.stderr));
    assert_eq!(pod.ended()["code"], 9);
}
