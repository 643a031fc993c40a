//! What `exec` does with a command's output and its end.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::pod::{PROGRAM, Pod, eventually, finish, in_time, run, text};

#[tokio::test]
async fn ends_as_the_command_does() {
    let pod = Pod::new();
    for (script, code, ended) in [
        ("exit 0", 0, json!({"code": 0, "stopped": false})),
        ("exit 3", 3, json!({"code": 3, "stopped": false})),
        ("kill -9 $$", 137, json!({"signal": 9, "stopped": false})),
        (
            "kill -SEGV $$",
            139,
            json!({"signal": 11, "stopped": false}),
        ),
    ] {
        assert_eq!(
            run(pod.shell(script)).await.status.code(),
            Some(code),
            "{script}"
        );
        assert_eq!(pod.ended(), ended, "{script}");
    }
}

#[tokio::test]
async fn says_why_a_command_cannot_be_started() {
    let pod = Pod::new();
    let script = pod.path("script");
    std::fs::write(&script, "#!/nowhere/python\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    for (word, code, why) in [
        (
            "no-such-program",
            127,
            "there is no such program in the image",
        ),
        (script, 127, "what its first line names is missing"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/", 126, "Permission denied"),
    ] {
        let output = run(pod.exec(&[word])).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{word}: {said}");
        assert!(said.contains(why) && said.contains(word), "{word}: {said}");
        let ended = pod.ended();
        assert_eq!(ended["code"], code);
        assert!(said.contains(ended["error"].as_str().unwrap()), "{said}");
        assert!(pod.text("log").contains(why), "Katib's clients see the log");
    }
}

#[tokio::test]
async fn arguments_reach_the_command_as_they_are() {
    let pod = Pod::new();
    let words = ["printf", "%s|", "a b", "$HOME", "'\"", "", "--dir", "--"];
    let output = run(pod.exec(&words)).await;
    assert_eq!(text(&output.stdout), "a b|$HOME|'\"||--dir|--|");
}

#[tokio::test]
async fn any_bytes_pass_unchanged() {
    let pod = Pod::new();
    let bytes: Vec<u8> = (0..300_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    std::fs::write(pod.path("bytes"), &bytes).unwrap();
    let script = format!("cat {0}; cat {0} >&2", pod.path("bytes").display());
    let output = run(pod.shell(&script)).await;
    assert!(output.stdout == bytes && output.stderr == bytes);
    let file = pod.path("bytes");
    let output = run(pod.exec_with_log(&pod.path("other"), &["cat", file.to_str().unwrap()])).await;
    assert!(output.stdout == bytes && std::fs::read(pod.path("other")).unwrap() == bytes);
}

#[tokio::test]
async fn what_is_printed_is_shown_at_once() {
    let pod = Pod::new();
    let mut child = pod
        .shell("printf 'acc='; read line; echo $line")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut start = [0; 4];
    in_time(output.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"acc=", "before the line ends");
    eventually("an unfinished line is in the log", || {
        pod.text("log") == "acc="
    })
    .await;
    drop(child.stdin.take());
    assert!(finish(child).await.status.success());
}

#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let pod = Pod::new();
    let mut child = pod.exec(&["seq", "100000"]).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    eventually("the command waits for the reader", || {
        pod.text("log").len() > 60_000
    })
    .await;
    let mut read = String::new();
    in_time(output.read_to_string(&mut read)).await.unwrap();
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert!(read == expected && pod.text("log") == expected);
    assert!(finish(child).await.status.success());
}

#[tokio::test]
async fn lines_of_two_streams_are_not_mixed() {
    let pod = Pod::new();
    let script = "for n in 1 2 3 4 5 6 7 8 9; do printf 'acc='; printf warn >&2; echo 0.$n; echo ing >&2; done";
    run(pod.shell(script)).await;
    let log = pod.text("log");
    let mut own: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("acc="))
        .collect();
    own.dedup();
    assert_eq!(own.len(), 9, "{log}");
    assert_eq!(
        log.lines().filter(|line| *line == "warning").count(),
        9,
        "{log}"
    );
}

#[tokio::test]
async fn a_full_disk_does_not_stop_the_command() {
    let pod = Pod::new();
    let full = pod.exec_with_log(Path::new("/dev/full"), &["sh", "-c", "seq 1000; exit 4"]);
    let output = run(full).await;
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(text(&output.stdout).lines().count(), 1000);
    let said = text(&output.stderr);
    assert!(
        said.contains("the log cannot be written, the command runs on: No space left"),
        "{said}"
    );
    assert!(said.contains("3893 bytes"), "{said}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_does_not_stop_the_command() {
    let mut command = Command::new(PROGRAM);
    command.args(["exec", "--dir", "/nowhere", "--log", "/nowhere/log"]);
    command.args(["--", "sh", "-c", "exit 6"]);
    let output = run(command).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("/nowhere"), "{said}");
}

#[tokio::test]
async fn nobody_needs_to_read_the_output() {
    let pod = Pod::new();
    let mut child = pod.shell("seq 100000; exit 5").spawn().unwrap();
    drop(child.stdout.take());
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(pod.text("log").lines().count(), 100_000);
}

#[tokio::test]
async fn what_is_left_behind_does_not_hold_the_end() {
    let pod = Pod::new();
    let output = run(pod.shell("sleep 600 & echo $!")).await;
    assert!(output.status.success());
    let left: i32 = text(&output.stdout).trim().parse().unwrap();
    kill(Pid::from_raw(left), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn orphans_are_not_left_as_zombies() {
    let pod = Pod::new();
    let mut child = pod
        .shell("(sh -c 'echo $$; exit 0' &); read line")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let orphan = in_time(lines.next_line()).await.unwrap().unwrap();
    let process = Path::new("/proc").join(orphan);
    eventually("the orphan is reaped", || !process.exists()).await;
    drop(child.stdin.take());
    finish(child).await;
}

#[tokio::test]
async fn copies_itself() {
    let pod = Pod::new();
    let target = pod.path("");
    for _ in 0..2 {
        let mut command = Command::new(PROGRAM);
        command.arg("copy").arg(&target);
        assert!(run(command).await.status.success());
    }
    let copy = pod.path("diwan-collect");
    assert_eq!(
        std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let mut command = Command::new(copy);
    command
        .args(["exec", "--dir"])
        .arg(&target)
        .args(["--", "echo", "hi"]);
    assert_eq!(text(&run(command).await.stdout), "hi\n");
    assert_eq!(
        std::fs::read_dir(&target).unwrap().count(),
        3,
        "nothing unfinished is left"
    );
}
