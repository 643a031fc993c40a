//! Experiments that begin with given trials.

use serde_json::{Value, json};

use crate::harness::{World, eventually, experiment};
use crate::kill::{Dice, check, script};

/// A grid over `x` from 1 to 6, with these initial trials.
fn grid(max: u32, initial: &str) -> String {
    let text = experiment("case", max, 1, "echo score=$X");
    let settings = &text
        [text.find("    algorithmSettings:").unwrap()..text.find("  parallelTrialCount").unwrap()];
    let text = text
        .replace("algorithmName: random", "algorithmName: grid")
        .replace("parameterType: double", "parameterType: int")
        .replace("min: \"0\"", "min: \"1\"")
        .replace("max: \"1\"", "max: \"6\"");
    with(&text.replace(settings, ""), initial)
}

fn with(text: &str, initial: &str) -> String {
    text.replace(
        "  trialTemplate:\n",
        &format!("  initialTrials:\n{initial}  trialTemplate:\n"),
    )
}

fn point(x: &str) -> String {
    format!("    - parameterAssignments: [{{name: x, value: {x}}}]\n")
}

fn result(x: &str, score: &str) -> String {
    format!(
        "{}      observation: {{metrics: [{{name: score, latest: {score}}}]}}\n",
        point(x)
    )
}

fn failed(x: &str) -> String {
    format!("{}      failed: true\n", point(x))
}

/// The values of `x`, by the numbers of the trials.
fn values(trials: &[Value]) -> Vec<&str> {
    trials
        .iter()
        .map(|trial| {
            trial["spec"]["parameterAssignments"][0]["value"]
                .as_str()
                .unwrap()
        })
        .collect()
}

#[test]
fn points_are_run_first_and_results_are_learnt_from() {
    let world = World::new();
    let initial = [
        result("1", "9"),
        point("4"),
        failed("6"),
        point("2"),
        result("3", "-1"),
    ]
    .concat();
    let file = world.file("case.yaml", &grid(3, &initial));
    let file = file.to_str().unwrap();
    let ran = world.run(["run", file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let trials = world.trials("case");
    // 5 is all that the grid has left, and 9 would be the best.
    assert_eq!(values(&trials), ["4", "2", "5"]);
    let status = world.status("case");
    assert_eq!(status["trials"], 3);
    assert_eq!(
        status["currentOptimalTrial"]["parameterAssignments"],
        json!([{"name": "x", "value": "5"}])
    );
    let name = |index: usize| trials[index]["metadata"]["name"].as_str().unwrap();
    let told = world.run(["explain", name(1)]).stdout;
    assert!(
        told.contains("point: given as spec.initialTrials[3]\n"),
        "{told}"
    );
    let told = world.run(["explain", name(2)]).stdout;
    assert!(
        told.contains("point: suggestion number 2 of algorithm grid"),
        "{told}"
    );
    let told = world.run(["describe", "experiment", "case"]).stdout;
    assert!(
        told.contains("Initial trials:    2 to run, 3 to learn from\n"),
        "{told}"
    );
}

#[test]
fn a_run_that_is_killed_hands_each_point_out_once() {
    let world = World::new();
    let ledger = world.path("ledger");
    let text = experiment("killed", 24, 2, &script(ledger.to_str().unwrap()))
        .replace("algorithmName: random", "algorithmName: tpe");
    let given = ["0.5", "0.25", "0.125", "0.0625", "0.75", "0.875"];
    let initial: String = given.map(point).concat();
    let file = world.file(
        "killed.yaml",
        &with(&text, &(initial + &result("0.1", "0.1"))),
    );
    let file = file.to_str().unwrap();
    let launches = || std::fs::read_to_string(&ledger).map_or(0, |text| text.lines().count());
    let mut dice = Dice(7);
    for _ in 0..6 {
        let mut run = world.start(["run", file]);
        let moment = launches() + dice.below(3);
        eventually("the moment of the kill", || launches() >= moment);
        assert!(!run.has_ended(), "killed before it is done");
        run.signal("KILL");
        run.code();
    }
    let last = world.run(["run", file, "--quiet"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    check(&world, &ledger, 24);
    let trials = world.trials("killed");
    let values = values(&trials);
    assert_eq!(values[..6], given);
    let again = values[6..].iter().filter(|value| given.contains(value));
    assert_eq!(again.count(), 0, "{values:?}");
}

#[test]
fn one_suggestion_is_a_given_point_that_the_history_lacks() {
    let world = World::new();
    let initial = [point("4"), failed("1"), point("2")].concat();
    let file = world.file("case.yaml", &grid(3, &initial));
    let file = file.to_str().unwrap();
    let ask = |arguments: &[&str]| -> Vec<String> {
        let begin = ["suggest", file];
        let all = begin.iter().chain(arguments).copied();
        let answer = world.json(all);
        let points = answer["suggestions"].as_array().unwrap().iter();
        let value = |point: &Value| {
            point["parameterAssignments"][0]["value"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        points.map(value).collect()
    };
    assert_eq!(ask(&["-c", "4"]), ["4", "2", "3", "5"]);
    let told = world.file(
        "told.csv",
        "state,score,x\nSucceeded,0.5,6\nSucceeded,0.1,4\n",
    );
    let history = ["--history", told.to_str().unwrap(), "-c", "3"];
    assert_eq!(ask(&history), ["2", "3", "5"]);
}

#[test]
fn what_is_wrong_with_them_has_its_place() {
    let world = World::new();
    let initial = [
        point("7"),
        point("4"),
        failed("4"),
        point("4.0"),
        result("1", "nan"),
    ]
    .concat();
    let text = grid(2, &initial).replace("name: score, latest: nan", "name: scores, latest: nan");
    let file = world.file("case.yaml", &text);
    let ran = world.run(["validate", file.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    for said in [
        ": spec.maxTrialCount: Invalid value: 2: must be at least 3: so many of spec.initialTrials are to run\n",
        ": spec.initialTrials[0].parameterAssignments[0].value: Invalid value: \"7\": must be a whole number from 1 to 6\n",
        ": spec.initialTrials[3]: Duplicate value: \"x=4.0\"\n",
        ": spec.initialTrials[4].observation.metrics[0].name: Invalid value: \"scores\": is not the objective\n",
        "did you mean \"score\"?",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let line = 1 + text
        .lines()
        .position(|line| line.contains("value: 7"))
        .unwrap();
    let place = format!("{line}:");
    assert!(
        ran.stderr
            .lines()
            .any(|told| told.contains(&place) && told.contains("\"7\"")),
        "{}",
        ran.stderr
    );
}

#[test]
fn they_stay_as_they_are() {
    let world = World::new();
    let text = grid(2, &point("4"));
    let file = world.file("case.yaml", &text);
    assert_eq!(world.run(["run", file.to_str().unwrap()]).code, 0);
    let edited = text
        .replace("value: 4", "value: 5")
        .replace("maxTrialCount: 2", "maxTrialCount: 4");
    let file = world.file("case.yaml", &edited);
    let ran = world.run(["run", file.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("spec.initialTrials[0].parameterAssignments[0].value"),
        "{}",
        ran.stderr
    );
}
