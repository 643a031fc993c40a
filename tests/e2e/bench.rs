//! `diwan bench`.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Ran, Running};

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diwan"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

fn ran(arguments: &[&str]) -> Ran {
    Ran::of(bench(arguments).output().unwrap())
}

/// What a comparison says, without what it measured.
fn results(arguments: &[&str]) -> Value {
    let ran = ran(&[arguments, &["-q", "-o", "json"]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let mut summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    for group in summary["groups"].as_array_mut().unwrap() {
        for entry in group["entries"].as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            for measured in ["costMs", "lastCostMs"] {
                assert!(entry.remove(measured).unwrap().as_f64().unwrap() > 0.0);
            }
        }
    }
    summary
}

#[test]
fn results_depend_on_the_arguments_alone() {
    let arguments = |jobs| {
        [
            "--problems=bbob/f{1,8}/3d,mixed/cliff",
            "--algorithms=sobol,random:random_state=4",
            "--budget=30",
            "--seeds=0-2",
            "--workers=4",
            "--failures=0.2",
            "--nans=0.05",
            "--preemptions=0.1",
            jobs,
        ]
    };
    let summary = results(&arguments("--jobs=1"));
    assert_eq!(summary, results(&arguments("--jobs=3")));
    let groups = summary["groups"].as_array().unwrap();
    let names: Vec<&str> = groups
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bbob/3d", "mixed", "all"]);
    assert_eq!(
        (&summary["planned"], &summary["played"]),
        (&27.into(), &27.into())
    );
    let failed = groups[0]["entries"][0]["failed"].as_f64().unwrap();
    assert!((2.0..15.0).contains(&failed), "{failed}");
}

#[test]
fn it_prints_tables_and_csv_and_writes_a_page() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    let arguments = [
        "--problems=bbob/f1",
        "--algorithms=sobol",
        "--budget=5",
        "--seeds=0-3",
    ];
    let html = format!("--html={}", page.display());
    let table = ran(&[&arguments[..], &[&html]].concat());
    assert_eq!(table.code, 0, "{}", table.stderr);
    assert!(
        table
            .stdout
            .starts_with("bbob/5d: 4 cells, 5 trials each, 1 worker\nALGORITHM "),
        "{}",
        table.stdout
    );
    assert!(
        table.stderr.contains("the report is in "),
        "{}",
        table.stderr
    );
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("<th>virtual seconds</th>"));
    let csv = ran(&[&arguments[..], &["-o", "csv"]].concat());
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("group,cells,algorithm,decades,95 %,median,rank,"),
        "{}",
        lines[0]
    );
    let list = ran(&["--list"]);
    assert!(
        list.stdout
            .contains("curves/{digits,digits-epochs}/i{INSTANCE}"),
        "{}",
        list.stdout
    );
}

/// Every trial is preempted, so that all that is compared takes the longer.
#[test]
fn workers_and_faults_show_in_the_time_until_the_end() {
    let arguments = ["--problems=bbob/f1/2d", "--algorithms=sobol", "--budget=16"];
    let last = |more: &[&str]| {
        let csv = ran(&[&arguments[..], more, &["-q", "-o", "csv"]].concat());
        assert_eq!((csv.code, csv.stderr.as_str()), (0, ""));
        let rows = rows(&csv.stdout);
        let of = |name: &str| {
            let column = rows[0].iter().position(|title| title == name).unwrap();
            rows[1][column].parse::<f64>().unwrap()
        };
        (of("failed"), of("virtual seconds"))
    };
    let (calm, alone) = last(&[]);
    assert_eq!(calm, 0.0);
    assert!((8.0..32.0).contains(&alone), "{alone}");
    let (_, together) = last(&["--workers=8"]);
    assert!(together < alone / 3.0, "{together} {alone}");
    let (failed, _) = last(&["--failures=0.5"]);
    assert!((3.0..13.0).contains(&failed), "{failed}");
    let (_, resumed) = last(&["--preemptions=1", "--resumes"]);
    let (_, repeated) = last(&["--preemptions=1"]);
    assert!(
        alone < resumed && resumed < repeated,
        "{alone} {resumed} {repeated}"
    );
}

/// A page that needs nothing from elsewhere: what names another server, or is loaded at all.
fn is_self_contained(page: &str) -> bool {
    let loads = ["://", "src=", "<link", "@import", "url("];
    loads.iter().all(|load| !page.contains(load))
}

/// Whoever reads `diwan bench … | head -1` has the report all the same.
#[test]
fn the_report_is_written_though_nobody_reads_what_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    std::fs::write(&page, "x".repeat(1 << 20)).unwrap();
    let mut command = bench(&["--problems=bbob/f1", "--algorithms=sobol", "--budget=5"]);
    command.arg(format!("--html={}", page.display()));
    let mut process = Running(
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    drop(process.0.stdout.take());
    process.code();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.starts_with("<!doctype html>") && page.ends_with("</html>\n"),
        "{} bytes",
        page.len()
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_played() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("none/report.html");
    let html = format!("--html={}", page.display());
    let ran = ran(&["--problems=bbob/f1", "--algorithms=sobol", &html]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    let told = format!("error: cannot write the report to {}\n", page.display());
    assert!(ran.stderr.starts_with(&told), "{}", ran.stderr);
}

#[test]
fn every_kind_of_algorithm_and_problem_is_compared() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    let html = format!("--html={}", page.display());
    let algorithms = [
        "hyperband",
        "asha",
        "bohb",
        "cmaes",
        "cmaes:restart_strategy=ipop:population=5",
        "hyperband:r_l=81:eta=3",
    ];
    let list = format!("--algorithms={}", algorithms.join(","));
    let arguments = [
        "--problems=curves/digits,bbob/f8/2d",
        list.as_str(),
        "--budget=6",
        "--seeds=0-1",
    ];
    let summary = results(&arguments);
    assert_eq!(
        summary,
        results(&arguments),
        "the same seeds, the same results"
    );
    let other = results(&[&arguments[..3], &["--seeds=2-3"]].concat());
    assert_ne!(
        summary["groups"], other["groups"],
        "other seeds, other results"
    );
    let groups = summary["groups"].as_array().unwrap();
    for group in groups {
        let entries = group["entries"].as_array().unwrap();
        let names: Vec<&str> = entries
            .iter()
            .map(|entry| entry["algorithm"].as_str().unwrap())
            .collect();
        for algorithm in algorithms {
            assert!(names.contains(&algorithm), "{algorithm}: {names:?}");
        }
    }
    let table = ran(&[&arguments[..], &[&html]].concat());
    assert_eq!(table.code, 0, "{}", table.stderr);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && is_self_contained(&page));
    for algorithm in algorithms {
        assert!(page.contains(algorithm), "{algorithm} is not on the page");
    }
    let csv = ran(&[&arguments[..], &["-q", "-o", "csv"]].concat());
    assert_eq!((csv.code, csv.stderr.as_str()), (0, ""));
    let rows = rows(&csv.stdout);
    assert_eq!(rows.len(), 1 + groups.len() * (1 + algorithms.len()));
    assert!(
        rows.iter().all(|row| row.len() == rows[0].len()),
        "{rows:?}"
    );
    for (column, name) in rows[0].iter().enumerate().skip(3) {
        for row in &rows[1..] {
            let is_number = row[column].parse().is_ok_and(f64::is_finite);
            assert!(is_number || name == "95 %", "{name}: {:?}", row[column]);
        }
    }
}

/// The cells of a table in CSV. A cell with commas is in quotes.
fn rows(csv: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        for letter in line.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                _ => cells.last_mut().unwrap().push(letter),
            }
        }
        cells
    };
    csv.lines().map(cells).collect()
}

#[test]
fn what_cannot_be_played_is_told() {
    let told = |problems: &str, algorithms: &str| {
        let ran = ran(&["--problems", problems, "--algorithms", algorithms]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        ran.stderr
    };
    let misspelt = told("bob/f1", "random");
    assert!(
        misspelt.contains(r#"there is no suite "bob"; did you mean "bbob"?"#),
        "{misspelt}"
    );
    for (problems, nearest) in [
        (
            "curves/digit",
            r#"curves has no "digit"; did you mean "digits"?"#,
        ),
        (
            "mixed/clif/i0",
            r#"mixed has no "clif"; did you mean "cliff"?"#,
        ),
        ("bbob/f25", r#"bbob has no "f25"; did you mean"#),
    ] {
        let misspelt = told(problems, "random");
        assert!(misspelt.contains(nearest), "{misspelt}");
    }
    let misspelt = told("bbob/f1", "hyperbrand");
    assert!(misspelt.contains("did you mean hyperband?"), "{misspelt}");
    let misspelt = told("bbob/f1", "cmaes:sigm=0.3");
    assert!(misspelt.contains(r#"did you mean "sigma"?"#), "{misspelt}");
    let misspelt = told("bbob/f1", "ramdom");
    assert!(misspelt.contains("did you mean random?"), "{misspelt}");
    let setting = told("bbob/f1", "random:random_state=x");
    assert!(
        setting.starts_with(
            "error: random:random_state=x cannot search bbob/f1/5d/i1\ncause: spec.algorithm"
        ),
        "{setting}"
    );
    let misspelt = told("bbob/f1", "tpe:gama=2");
    assert!(
        misspelt.ends_with("hint: did you mean \"gamma\"? it takes a number above 0 and below 1\n"),
        "{misspelt}"
    );
    let many = told("bbob/*/{2-100}d/i{1-1000}", "random");
    assert!(
        many.contains("it stands for more than 100000 problems"),
        "{many}"
    );
    let missing = ran(&[]);
    assert!(
        missing.code == 2 && missing.stderr.contains("--problems"),
        "{}",
        missing.stderr
    );
}

#[test]
fn an_interrupt_prints_what_has_been_played() {
    let directory = tempfile::tempdir().unwrap();
    let printed = directory.path().join("out");
    let mut command = bench(&[
        "--problems=bbob/f1",
        "--algorithms=random",
        "--budget=2000",
        "--seeds=0-9999",
        "-o",
        "json",
    ]);
    let out = File::create(&printed).unwrap();
    let mut process = Running(command.stdout(out).stderr(Stdio::piped()).spawn().unwrap());
    let mut progress = BufReader::new(process.0.stderr.take().unwrap());
    let mut line = String::new();
    progress.read_line(&mut line).unwrap();
    assert!(line.contains("/10000 experiments"), "{line}");
    process.signal("INT");
    assert_eq!(process.code(), 5);
    let summary: Value = serde_json::from_reader(File::open(printed).unwrap()).unwrap();
    let played = summary["played"].as_u64().unwrap();
    assert!((1..10_000).contains(&played), "{played}");
    assert_eq!(summary["groups"][0]["cells"].as_u64().unwrap(), played);
}
