//! What a trial gets and how its end is told.

use diwan_drivers::{Driver, DriverError, End};
use serde_json::json;

use crate::support::{Place, driver, eventually, stdout};

#[tokio::test]
async fn a_command_succeeds() {
    let place = Place::new();
    let plan = place.command(&["echo", "accuracy=0.9"]);
    assert_eq!(place.run(&plan).await, End::Succeeded);
    assert_eq!(stdout(&plan.id()), "accuracy=0.9\n");
}

#[tokio::test]
async fn a_failure_tells_the_code_and_the_last_lines_of_stderr() {
    let place = Place::new();
    let plan = place.shell(
        "for i in $(seq 100); do echo line $i >&2; done; printf 'bad\\033[0m \\377' >&2; exit 3",
    );
    let message = place.failure(&plan).await;
    assert!(
        message.starts_with("exit code 3; last lines of stderr:\nline 92\n"),
        "{message}"
    );
    assert!(
        message.ends_with("line 100\nbad\\u{1b}[0m \u{fffd}"),
        "{message}"
    );
}

#[tokio::test]
async fn a_signal_is_named() {
    let place = Place::new();
    let message = place.failure(&place.shell("kill -SEGV $$")).await;
    assert_eq!(message, "killed by SIGSEGV (exit code 139)");
    let message = place.failure(&place.shell("kill -KILL $$")).await;
    assert_eq!(
        message,
        "killed by SIGKILL (exit code 137); the machine may have run out of memory"
    );
}

#[tokio::test]
async fn a_missing_program_is_named_and_explained() {
    let place = Place::new();
    let message = place
        .failure(&place.command(&["no-such-program", "x"]))
        .await;
    assert!(
        message.starts_with("exit code 127: command not found; a relative path starts in"),
        "{message}"
    );
    assert!(
        message.contains("$(DIWAN_SOURCE_DIR)") && message.contains("no-such-program"),
        "{message}"
    );

    std::fs::write(place.root().join("plain.txt"), "no program").unwrap();
    let message = place
        .failure(&place.command(&["$(DIWAN_SOURCE_DIR)/plain.txt"]))
        .await;
    assert!(
        message.starts_with("exit code 126: the command cannot be executed"),
        "{message}"
    );

    let message = place.failure(&place.command(&["cat", "train.py"])).await;
    assert!(
        message.starts_with("exit code 1; a relative path starts in"),
        "{message}"
    );
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let place = Place::new();
    let odd = [
        "",
        "a b",
        "it's",
        "\"q\"",
        "new\nline",
        "tab\t",
        "$HOME `x` $(y)",
        "\\n",
        "*",
        "-n",
        "é",
    ];
    let mut argv = vec!["printf", "<%s>"];
    argv.extend(odd);
    let plan = place.command(&argv);
    assert_eq!(place.run(&plan).await, End::Succeeded);
    let expected: String = odd.iter().map(|argument| format!("<{argument}>")).collect();
    assert_eq!(stdout(&plan.id()), expected);
}

#[tokio::test]
async fn commands_are_programs_not_builtins_of_a_shell() {
    let place = Place::new();
    let message = place.failure(&place.command(&["exit", "0"])).await;
    assert!(message.starts_with("exit code 127"), "{message}");
}

#[tokio::test]
async fn variables_are_set_and_expanded() {
    let place = Place::new();
    let plan = place.container(json!({
        "command": ["sh", "-c", "echo $KATIB_TRIAL_NAME $0 $(LR) $LR; env", "$(DIWAN_TRIAL_NAME)/$(LR)"],
        "env": [
            {"name": "LR", "value": "0.1"}, {"name": "DIWAN_TRIAL_NAME", "value": "forged"},
            {"name": "with.dot", "value": "a b"},
        ],
    }));
    assert_eq!(place.run(&plan).await, End::Succeeded);
    let output = stdout(&plan.id());
    let first = format!("{0} {0}/0.1 0.1 0.1\n", plan.trial);
    assert!(output.starts_with(&first), "{output}");
    let work = plan.id().work_directory();
    for line in [
        format!("DIWAN_TRIAL_DIR={}", work.display()),
        format!("DIWAN_SOURCE_DIR={}", place.root().display()),
        format!("DIWAN_TRIAL_NAME={}", plan.trial),
        "DIWAN_ATTEMPT=1".to_owned(),
        "with.dot=a b".to_owned(),
    ] {
        // A shell may keep a variable that it cannot name from its own children; `sh` here is one.
        let dropped = line.starts_with("with.dot");
        assert!(
            dropped || output.lines().any(|other| other == line),
            "{line} is not in {output}"
        );
    }
}

#[tokio::test]
async fn names_that_no_shell_knows_reach_the_program() {
    let place = Place::new();
    let plan =
        place.container(json!({"command": ["env"], "env": [{"name": "with.dot", "value": "a b"}]}));
    assert_eq!(place.run(&plan).await, End::Succeeded);
    assert!(
        stdout(&plan.id())
            .lines()
            .any(|line| line == "with.dot=a b")
    );
}

#[tokio::test]
async fn a_trial_works_in_a_directory_of_its_own() {
    let place = Place::new();
    let mut plan = place.shell("pwd; echo $DIWAN_ATTEMPT >>checkpoint; cat checkpoint");
    place.run(&plan).await;
    plan.attempt = 2;
    assert_eq!(place.run(&plan).await, End::Succeeded);
    let work = plan.id().work_directory().canonicalize().unwrap();
    assert_eq!(stdout(&plan.id()), format!("{}\n1\n2\n", work.display()));

    driver().forget(&plan.id()).await.unwrap();
    assert!(work.join("checkpoint").exists());
    assert!(plan.id().stdout().exists());
}

#[tokio::test]
async fn working_dir_starts_at_the_experiments_file() {
    let place = Place::new();
    std::fs::create_dir(place.root().join("code")).unwrap();
    let container = |dir: &str| json!({"command": ["pwd"], "workingDir": dir});
    for dir in ["code", place.root().join("code").to_str().unwrap()] {
        let plan = place.container(container(dir));
        assert_eq!(place.run(&plan).await, End::Succeeded);
        assert!(stdout(&plan.id()).ends_with("/code\n"));
    }
    let driver = driver();
    let mut plan = place.container(container("/opt/ml/code"));
    let error = driver.start(&plan).await.unwrap_err();
    assert!(error.is_permanent());
    assert!(
        error
            .to_string()
            .starts_with("workingDir \"/opt/ml/code\": /opt/ml/code is not a directory"),
        "{error}"
    );
    plan = place.container(container("code"));
    plan.source_directory = None;
    let error = driver.start(&plan).await.unwrap_err();
    assert!(
        error.to_string().contains("did not come from a file"),
        "{error}"
    );
}

#[tokio::test]
async fn refusals_say_what_and_where() {
    let place = Place::new();
    let driver = driver();
    let mut plan = place.command(&["true"]);
    std::fs::write(place.root().join("file"), "").unwrap();
    plan.directory = place.root().join("file/trial");
    let error = driver.start(&plan).await.unwrap_err();
    assert!(!error.is_permanent());
    let text = error.to_string();
    assert!(text.starts_with("cannot create "), "{text}");
    assert!(text.contains("file/trial: Not a directory"), "{text}");

    let plan = place.command(&["echo", "nul\0byte"]);
    let error = driver.start(&plan).await.unwrap_err();
    assert!(
        matches!(error, DriverError::Spawn { .. }) && error.is_permanent(),
        "{error}"
    );
}

#[tokio::test]
async fn a_deadline_ends_a_trial() {
    let place = Place::new();
    let mut plan = place.command(&["sleep", "1000"]);
    plan.manifest["spec"]["activeDeadlineSeconds"] = json!(1);
    let message = place.failure(&plan).await;
    assert_eq!(message, "it ran longer than activeDeadlineSeconds (1 s)");
    let later = driver().ended(&plan.id()).await.unwrap();
    assert_eq!(later, End::Failed(message));
}

/// Runs a trial with a deadline of an hour until it has begun, changes its status file, and adopts it with another driver.
async fn message_of_an_adopted(place: &Place, change: impl Fn(String) -> String) -> End {
    let mut plan = place.shell("exec sleep 1000");
    plan.manifest["spec"]["activeDeadlineSeconds"] = json!(3600);
    let first = driver();
    first.start(&plan).await.expect("the trial starts");
    let status = plan.directory.join("attempt-1.status");
    let text = eventually("it begins", || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        (text.contains("leader ") && text.ends_with('\n')).then_some(text)
    })
    .await;
    drop(first);
    std::fs::write(&status, change(text)).expect("the file is written");
    let second = driver();
    second.start(&plan).await.expect("the trial is adopted");
    let id = plan.id();
    let ended = second.ended(&id);
    let patience = std::time::Duration::from_secs(20);
    let ended = tokio::time::timeout(patience, ended).await;
    ended
        .expect("its deadline has passed")
        .expect("it was started")
}

#[tokio::test]
async fn an_adopted_trial_gets_no_second_deadline() {
    let place = Place::new();
    let overdue = End::Failed("it ran longer than activeDeadlineSeconds (3600 s)".to_owned());
    let noted = |status: String| status + "deadline 3600\n";
    assert_eq!(message_of_an_adopted(&place, noted).await, overdue);
    let long_ago = |status: String| {
        let (before, began) = status.trim_end().rsplit_once(' ').unwrap();
        assert!(began.parse::<u64>().unwrap() > 0);
        format!("{before} 0\n")
    };
    assert_eq!(message_of_an_adopted(&place, long_ago).await, overdue);
}
