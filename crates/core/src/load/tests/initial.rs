//! The trials that an experiment begins with.

use super::*;

/// What is said of the good file with these initial trials, `momentum` having an effect only with `sgd`.
fn told(trials: &str) -> Vec<String> {
    let momentum = "list: [sgd, adam]
    - name: momentum
      parameterType: discrete
      feasibleSpace: {list: [0, 0.9]}
      condition: {parent: optimizer, values: [sgd]}
    - name: layers
      parameterType: int
      feasibleSpace: {min: 2, max: 8, step: 2}
  initialTrials:
";
    let text = GOOD
        .replace("list: [sgd, adam]\n", &format!("{momentum}{trials}"))
        .replace("max: \"0.05\"\n", "max: \"0.05\"\n        step: \"0.01\"\n")
        .replace(
            "      - name: optimizer\n        reference: optimizer\n",
            "      - {name: optimizer, reference: optimizer}\n      - {name: m, reference: momentum}\n      - {name: l, reference: layers}\n",
        )
        .replace(
            "                  - --optimizer",
            "                  - ${trialParameters.m} ${trialParameters.l}\n                  - --optimizer",
        );
    said(&text)
}

/// The same of one trial, without the place of the trial.
fn one(trial: &str) -> Vec<String> {
    let told = told(&format!("    - {trial}\n"));
    let rest = |line: String| match line.split_once("spec.initialTrials[0].") {
        Some((_, rest)) => rest.to_owned(),
        None => line,
    };
    told.into_iter().map(rest).collect()
}

fn given(pairs: &str) -> String {
    let pairs = pairs.split_whitespace().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        format!("{{name: {name}, value: {value}}}")
    });
    format!(
        "parameterAssignments: [{}]",
        pairs.collect::<Vec<_>>().join(", ")
    )
}

fn run(pairs: &str) -> Vec<String> {
    one(&format!("{{{}}}", given(pairs)))
}

fn over(pairs: &str, rest: &str) -> Vec<String> {
    one(&format!("{{{}, {rest}}}", given(pairs)))
}

const LOSS: &str = "observation: {metrics: [{name: loss, latest: 0.5}]}";

#[test]
fn points_may_be_parts_and_results_may_not() {
    for pairs in [
        "lr=0.03",
        "lr=5e-2 layers=4.0 momentum=0.90 optimizer=sgd",
        "optimizer=adam layers='8'",
    ] {
        assert_eq!(run(pairs), [""; 0], "{pairs}");
    }
    assert_eq!(
        run(""),
        ["parameterAssignments: Required value: must have a value for at least one parameter"]
    );
    for rest in [LOSS, "failed: true"] {
        assert_eq!(over("lr=0.03 optimizer=adam layers=2", rest), [""; 0]);
        let missing = "parameterAssignments: Required value: must have a value for";
        let only = "only a trial that is to run may lack one";
        assert_eq!(
            over("lr=0.03 optimizer=sgd", rest),
            [
                format!("{missing} momentum; {only}"),
                format!("{missing} layers; {only}")
            ]
        );
    }
}

#[test]
fn values_are_those_of_the_search_space() {
    let at = "parameterAssignments[0]";
    for (pairs, said) in [
        (
            "lr=0.06",
            "value: Invalid value: \"0.06\": must be a number from 0.01 to 0.05 in steps of 0.01",
        ),
        (
            "lr=0.035",
            "value: Invalid value: \"0.035\": must be a number from 0.01 to 0.05 in steps of 0.01",
        ),
        (
            "lr=.nan",
            "value: Invalid value: \"nan\": must be a number from 0.01 to 0.05 in steps of 0.01",
        ),
        (
            "layers=3",
            "value: Invalid value: \"3\": must be a whole number from 2 to 8 in steps of 2",
        ),
        (
            "optimizer=sdg",
            "value: Unsupported value: \"sdg\": supported values: \"sgd\", \"adam\"",
        ),
        (
            "leyers=4",
            "name: Invalid value: \"leyers\": is no parameter of the search space",
        ),
    ] {
        assert_eq!(run(pairs), [format!("{at}.{said}")], "{pairs}");
    }
    assert_eq!(
        run("lr=0.03 lr=0.04"),
        ["parameterAssignments[1].name: Duplicate value: \"lr\""]
    );
}

#[test]
fn parameters_without_effect_have_no_value() {
    for pairs in ["momentum=0.9", "momentum=0.9 optimizer=adam"] {
        assert_eq!(
            run(pairs),
            [
                "parameterAssignments[0]: Invalid value: \"momentum\": has no effect here: optimizer must be given as sgd"
            ],
            "{pairs}"
        );
    }
}

#[test]
fn results_are_finite_numbers_of_the_objective() {
    let result = |metrics: &str| {
        over(
            "lr=0.03 optimizer=adam layers=2",
            &format!("observation: {{metrics: [{metrics}]}}"),
        )
    };
    for (metrics, said) in [
        ("", ": Required value: must have the objective, loss"),
        (
            "{name: accuracy, latest: 1}",
            ": Required value: must have the objective, loss",
        ),
        (
            "{name: los, latest: 1}",
            "[0].name: Invalid value: \"los\": is not the objective",
        ),
        (
            "{name: loss}",
            "[0].latest: Required value: must be the value that counts, a finite number",
        ),
        (
            "{name: loss, latest: nan}",
            "[0].latest: Invalid value: \"nan\": must be a finite number",
        ),
        (
            "{name: loss, min: -inf, latest: 1}",
            "[0].min: Invalid value: \"-inf\": must be a finite number",
        ),
        (
            "{name: loss, latest: 1}, {name: loss, latest: 2}",
            "[1].name: Duplicate value: \"loss\"",
        ),
    ] {
        assert_eq!(
            result(metrics),
            [format!("observation.metrics{said}")],
            "{metrics}"
        );
    }
    assert_eq!(
        result("{name: loss, min: '0.2', max: '0.9', latest: '0.4'}, {name: other, latest: nan}"),
        [""; 0]
    );
    let both = over(
        "lr=0.03 optimizer=adam layers=2",
        &format!("{LOSS}, failed: true"),
    );
    assert_eq!(
        both,
        ["observation: Forbidden: a trial that failed has no result"]
    );
}

#[test]
fn each_is_said_once() {
    let (point, same) = (
        given("lr=0.03 optimizer=sgd"),
        given("optimizer=sgd lr=3e-2"),
    );
    let whole = given("lr=0.03 optimizer=adam layers=2");
    let told = |trials: &[String]| {
        let trials = trials.iter().map(|trial| format!("    - {{{trial}}}\n"));
        self::told(&trials.collect::<String>())
    };
    let duplicate = "spec.initialTrials[1]: Duplicate value: ";
    let told_same = told(&[point.clone(), same]);
    assert_eq!(told_same.len(), 1);
    assert!(
        told_same[0].ends_with(&format!("{duplicate}\"optimizer=sgd, lr=3e-2\"")),
        "{told_same:?}"
    );
    let measured = format!("{whole}, {LOSS}");
    assert_eq!(told(&[measured.clone(), measured.clone()]).len(), 1);
    // Measured twice, and to be run once more.
    assert_eq!(
        told(&[measured.clone(), measured.replace("0.5", "0.6"), whole]),
        [""; 0]
    );
}

#[test]
fn there_are_not_more_than_the_experiment_has_trials() {
    let text = GOOD.replace("maxTrialCount: 12\n", "maxTrialCount: 3\n");
    let values = [0.01, 0.02, 0.03, 0.04];
    let trials: String = values
        .iter()
        .map(|value| format!("    - {{{}}}\n", given(&format!("lr={value}"))))
        .collect();
    let with = |trials: &str| {
        said(&text.replace(
            "  trialTemplate:\n",
            &format!("  initialTrials:\n{trials}  trialTemplate:\n"),
        ))
    };
    assert_eq!(
        with(&trials),
        [
            "15:18: spec.maxTrialCount: Invalid value: 3: must be at least 4: so many of spec.initialTrials are to run"
        ]
    );
    let over = trials.replace("]}", "], failed: true}");
    let said = with(&over);
    assert!(
        said[0]
            .ends_with("must have a value for optimizer; only a trial that is to run may lack one"),
        "{said:?}"
    );
    assert!(said.iter().all(|line| !line.contains("maxTrialCount")));
}

#[test]
fn there_is_a_limit_and_architectures_have_none() {
    let many = format!("    - {{{}}}\n", given("lr=0.03")).repeat(1_001);
    let text = GOOD
        .replace("  maxTrialCount: 12\n", "")
        .replace("  maxFailedTrialCount: 3\n", "");
    let text = text.replace(
        "  trialTemplate:\n",
        &format!("  initialTrials:\n{many}  trialTemplate:\n"),
    );
    assert!(
        said(&text)[0]
            .ends_with("spec.initialTrials: Invalid value: 1001: must be at most 1000 trials")
    );
    let space = &GOOD[GOOD.find("  parameters:").unwrap()..GOOD.find("  trialTemplate:").unwrap()];
    let nas =
        "  nasConfig: {operations: [{operationType: skip}]}\n  initialTrials: [{failed: true}]\n";
    let told = broken(space, nas);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].ends_with("only its optimizer knows its parameters"),
        "{told:?}"
    );
}
