//! Trials that run again.

use super::case::{Case, insert_in_template};
use crate::harness::{World, experiment};

#[test]
fn a_failed_trial_runs_again_as_often_as_allowed() {
    let script = "echo launch; mkdir $W/$KATIB_TRIAL_NAME && exit 1; echo score=$X";
    let case = Case::with(2, 2, script, insert_in_template("retryLimit: 1"));
    let run = case.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let trials = case.trials("Succeeded");
    assert_eq!(trials.len(), 2);
    let csv = case.world.run(["get", "trials", "-o", "csv"]).stdout;
    let attempts = csv
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|title| title == "attempt")
        .unwrap();
    assert!(
        csv.lines()
            .skip(1)
            .all(|row| row.split(',').nth(attempts) == Some("2")),
        "{csv}"
    );
    let first = case.world.run(["logs", &trials[0], "--attempt", "1"]);
    assert_eq!((first.code, first.stdout.as_str()), (0, "launch\n"));
    let last = case.world.run(["logs", &trials[0]]);
    assert!(last.stdout.starts_with("launch\nscore="), "{}", last.stdout);
    assert_eq!(
        case.world.run(["logs", &trials[0], "--attempt", "3"]).code,
        3
    );
}

/// Also of the one whose exit status was lost, because what waited for it was killed.
#[test]
fn earlier_attempts_are_told() {
    let script = "echo $DIWAN_ATTEMPT >> $W/started; case $DIWAN_ATTEMPT in 1) kill -s KILL $(ps -o ppid= -p $PPID) $PPID; exit 0;; \
                  2) echo here >&2; echo there >&2; echo oh no >&2; exit 3;; esac; echo score=$X";
    let case = Case::with(1, 1, script, insert_in_template("retryLimit: 1"));
    let run = case.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(case.lines("started"), ["1", "2", "3"]);
    let trial = case.trials("Succeeded").remove(0);
    let explained = case.world.run(["explain", &trial]).stdout;
    let history: Vec<&str> = explained
        .lines()
        .skip_while(|line| *line != "history:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  "))
        .filter_map(|line| Some(line.split_once("  ")?.1))
        .collect();
    let [suggested, lost, failed, started, ended] = history[..] else {
        panic!("{explained}")
    };
    assert_eq!(
        (suggested, started, ended),
        ("suggested", "attempt 3 started", "Succeeded")
    );
    assert!(
        lost.starts_with("attempt 1 ended within ") && lost.contains("left no exit status"),
        "{lost}"
    );
    assert!(
        failed.starts_with("attempt 2 ended within ")
            && failed
                .ends_with("failure 1 of at most 2: exit code 3; last lines of stderr: … oh no"),
        "{failed}"
    );
    let described = case.world.run(["describe", "trial", &trial]).stdout;
    for told in ["Earlier attempts:\n", lost, failed] {
        assert!(described.contains(told), "{described}");
    }
}

/// A file is read anew by every attempt: what a failed one wrote is not the next one's.
#[test]
fn a_retry_does_not_report_what_the_attempt_before_it_wrote() {
    let world = World::new();
    let path = world.path("metrics.log");
    let script = format!(
        "if [ $DIWAN_ATTEMPT = 1 ]; then echo score=0.99 > {0}; exit 1; fi; echo score=0.5 > {0}",
        path.display()
    );
    let text = experiment("retried", 1, 1, &script)
        .replace("  trialTemplate:\n", "  trialTemplate:\n    retryLimit: 1\n")
        .replace(
            "  trialTemplate:\n",
            &format!(
                "  metricsCollectorSpec:\n    collector: {{kind: File}}\n    source:\n      fileSystemPath: {{path: {}, kind: File, format: TEXT}}\n  trialTemplate:\n",
                path.display()
            ),
        );
    let file = world.file("retried.yaml", &text);
    let ran = world.run(["run", file.to_str().unwrap(), "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let best = &world.status("retried")["currentOptimalTrial"]["observation"]["metrics"][0];
    assert_eq!(best["max"], "0.5");
    assert!(!path.exists(), "the path is the trial's own");
}
