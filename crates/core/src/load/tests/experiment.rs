//! Katib's rules of the experiment (reference §1.2, §4) and those it lacks, each with the file that breaks it.

use super::*;

/// One wrong file: the piece, what stands in its place, and all that is said.
fn rule(old: &str, new: &str, said: &[&str]) {
    assert_eq!(broken(old, new), said, "{new}");
}

const NAME: &str = "name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
                    and end with an alphanumeric character (e.g. 'my-name', or 'abc-123'), and may not be longer than 40 \
                    characters. ";

/// The lines of the good file from one piece up to another.
fn between<'a>(from: &str, to: &str) -> &'a str {
    &GOOD[GOOD.find(from).unwrap()..GOOD.find(to).unwrap()]
}

#[test]
fn names() {
    for (name, shown) in [
        ("Abc", "\"Abc\""),
        ("a_b", "\"a_b\""),
        ("'1a'", "\"1a\""),
        ("a-", "\"a-\""),
    ] {
        let said = format!("4:9: metadata.name: Invalid value: {shown}: {NAME}");
        rule("name: random\n", &format!("name: {name}\n"), &[&said]);
    }
    let long = "a".repeat(41);
    let said = format!("4:9: metadata.name: Invalid value: \"{long}\": {NAME}");
    rule("name: random\n", &format!("name: {long}\n"), &[&said]);
    rule(
        "  name: random\n",
        "",
        &["3:1: metadata.name: Required value: must be specified"],
    );
    rule("name: random\n", "generateName: random-\n", &[]);
    let said = format!("4:17: metadata.generateName: Invalid value: \"R-\": {NAME}");
    rule("name: random\n", "generateName: R-\n", &[&said]);
    let said = "5:14: metadata.namespace: Invalid value: \"a.b\": must be a DNS label: lower case alphanumeric characters \
                or '-', at most 63";
    rule("namespace: kubeflow", "namespace: a.b", &[said]);
}

#[test]
fn a_search_space_is_needed() {
    let space = between("  parameters:", "  trialTemplate:");
    rule(
        space,
        "",
        &["6:1: spec: Required value: spec.parameters or spec.nasConfig must be specified"],
    );
    let nas = "  nasConfig:\n    operations:\n      - operationType: skip\n";
    rule(space, nas, &[]);
    let said = "6:1: spec: Invalid value: \"\": only one of spec.parameters and spec.nasConfig can be specified";
    rule(space, &format!("{space}{nas}"), &[said]);
}

#[test]
fn architecture_searches() {
    let space = between("  parameters:", "  trialTemplate:");
    let nas = "  nasConfig:
    graphConfig: {numLayers: 0, inputSizes: [32, 32, 3], outputSizes: [-1]}
    operations:
      - operationType: convolution
        parameters:
          - name: size
            parameterType: categorical
            feasibleSpace: {list: ['3', '5']}
          - name: filters
            parameterType: int
            feasibleSpace: {min: '32', max: '96', step: '0'}
      - operationType: convolution
      - parameters: []
";
    let said = [
        "18:30: spec.nasConfig.graphConfig.numLayers: Invalid value: 0: must be greater than 0",
        "18:72: spec.nasConfig.graphConfig.outputSizes[0]: Invalid value: -1: must be greater than 0",
        "27:57: spec.nasConfig.operations[0].parameters[1].feasibleSpace.step: Invalid value: \"0\": must be greater than 0",
        "28:24: spec.nasConfig.operations[1].operationType: Duplicate value: \"convolution\"",
        "29:9: spec.nasConfig.operations[2].operationType: Required value: must be specified",
    ];
    rule(space, nas, &said);
    let said = "17:3: spec.nasConfig.operations: Required value: must be specified";
    rule(space, "  nasConfig: {}\n", &[said]);
}

#[test]
fn parameter_names() {
    let said = [
        "23:13: spec.parameters[1].name: Duplicate value: \"lr\"",
        "34:20: spec.trialTemplate.trialParameters[1].reference: Invalid value: \"optimizer\": parameter reference \
         optimizer does not exist in spec.parameters: [lr lr]",
    ];
    rule(
        "name: optimizer\n      parameterType",
        "name: lr\n      parameterType",
        &said,
    );
    let said = [
        "18:7: spec.parameters[0].name: Required value: must be specified",
        "31:20: spec.trialTemplate.trialParameters[0].reference: Invalid value: \"lr\": parameter reference lr does not \
         exist in spec.parameters: [ optimizer]",
    ];
    rule("- name: lr\n      parameterType", "- parameterType", &said);
}

#[test]
fn parameter_types() {
    let said = "19:22: spec.parameters[0].parameterType: Invalid value: \"float\": parameterType: float is not supported";
    rule("parameterType: double", "parameterType: float", &[said]);
    let unknown = "spec.parameters[0].parameterType: Invalid value: \"unknown\": parameterType: unknown is not supported";
    rule(
        "parameterType: double",
        "parameterType: unknown",
        &[&format!("19:22: {unknown}")],
    );
    rule(
        "      parameterType: double\n",
        "",
        &[&format!("18:7: {unknown}")],
    );
}

#[test]
fn conditions() {
    let with = |condition: &str| format!("max: \"0.05\"\n      condition: {condition}\n");
    let max = "max: \"0.05\"\n";
    rule(max, &with("{parent: optimizer, values: [sgd]}"), &[]);
    let path = "spec.parameters[0].condition";
    let said = format!(
        "23:27: {path}.parent: Invalid value: \"optimiser\": is no parameter of the search space"
    );
    rule(max, &with("{parent: optimiser, values: [sgd]}"), &[&said]);
    let said = format!(
        "23:47: {path}.values[0]: Unsupported value: \"sdg\": supported values: \"sgd\", \"adam\""
    );
    rule(max, &with("{parent: optimizer, values: [sdg]}"), &[&said]);
    let said = format!("23:38: {path}.value: Unknown field: \"value\"");
    rule(max, &with("{parent: optimizer, value: [sgd]}"), &[&said]);
}

#[test]
fn ranges() {
    let path = "spec.parameters[0].feasibleSpace";
    let both = "feasibleSpace.max or feasibleSpace.min must be specified for parameterType: double";
    rule(
        "        max: \"0.05\"\n",
        "",
        &[&format!("20:7: {path}.max: Required value: {both}")],
    );
    rule(
        "        min: \"0.01\"\n",
        "",
        &[&format!("21:14: {path}.max: Required value: {both}")],
    );
    let said = format!(
        "21:9: {path}.list: Invalid value: [\"1\"]: feasibleSpace.list is not supported for parameterType: double"
    );
    rule(
        "min: \"0.01\"",
        "list: ['1']\n        min: \"0.01\"",
        &[&said],
    );
    for wrong in ["abc", "inf", "nan", "1e999", "0x10", "1,5"] {
        let said =
            format!("22:14: {path}.max: Invalid value: \"{wrong}\": must be a finite number");
        rule("max: \"0.05\"", &format!("max: '{wrong}'"), &[&said]);
    }
    let said =
        format!("22:14: {path}.max: Invalid value: \"0.001\": must not be less than min (0.01)");
    rule("max: \"0.05\"", "max: '0.001'", &[&said]);
    rule("max: \"0.05\"", "max: '0.01'", &[]);
}

#[test]
fn whole_numbers() {
    let path = "spec.parameters[0].feasibleSpace";
    let int = |min: &str, max: &str| {
        said(&with(&[
            ("parameterType: double", "parameterType: int"),
            ("min: \"0.01\"", &format!("min: '{min}'")),
            ("max: \"0.05\"", &format!("max: '{max}'")),
        ]))
    };
    assert_eq!(int("1", "5"), [""; 0]);
    assert_eq!(int("-1e3", "5.0"), [""; 0]);
    let whole = "must be a whole number that fits in 64 bits";
    assert_eq!(
        int("1.5", "5"),
        [format!(
            "21:14: {path}.min: Invalid value: \"1.5\": {whole}"
        )]
    );
    assert_eq!(
        int("1", "1e300"),
        [format!(
            "22:14: {path}.max: Invalid value: \"1e300\": {whole}"
        )]
    );
}

#[test]
fn steps() {
    let path = "spec.parameters[0].feasibleSpace.step";
    let step = |step: &str| {
        broken(
            "max: \"0.05\"",
            &format!("max: \"0.05\"\n        step: '{step}'"),
        )
    };
    assert_eq!(step("0.01"), [""; 0]);
    assert_eq!(
        step("0"),
        [format!(
            "23:15: {path}: Invalid value: \"0\": must be greater than 0"
        )]
    );
    assert_eq!(
        step("-1"),
        [format!(
            "23:15: {path}: Invalid value: \"-1\": must be greater than 0"
        )]
    );
    assert_eq!(
        step("x"),
        [format!(
            "23:15: {path}: Invalid value: \"x\": must be a finite number"
        )]
    );
    assert_eq!(
        step("0.5"),
        [format!(
            "23:15: {path}: Invalid value: \"0.5\": must not be larger than max - min"
        )]
    );
}

#[test]
fn distributions() {
    let path = "spec.parameters[0].feasibleSpace";
    let with_word = |word: &str, min: &str| {
        said(&with(&[
            ("min: \"0.01\"", &format!("min: '{min}'")),
            (
                "max: \"0.05\"",
                &format!("max: \"0.05\"\n        distribution: {word}"),
            ),
        ]))
    };
    assert_eq!(with_word("logUniform", "0.01"), [""; 0]);
    assert_eq!(with_word("unknown", "-1"), [""; 0]);
    for word in ["logUniform", "logNormal"] {
        for min in ["0", "-1"] {
            let rule = format!("must be greater than 0 for distribution: {word}");
            assert_eq!(
                with_word(word, min),
                [format!(
                    "21:14: {path}.min: Invalid value: \"{min}\": {rule}"
                )]
            );
        }
    }
    let rule = "distribution: loguniform is not supported";
    let said = format!("23:23: {path}.distribution: Invalid value: \"loguniform\": {rule}");
    assert_eq!(with_word("loguniform", "0.01"), [said]);
}

#[test]
fn lists() {
    let path = "spec.parameters[1].feasibleSpace";
    let rule_of = "feasibleSpace.list must be specified for parameterType: categorical";
    rule(
        "list: [sgd, adam]",
        "list: []",
        &[&format!("26:9: {path}.list: Required value: {rule_of}")],
    );
    let said = format!(
        "25:7: {path}: Invalid value: {{\"max\":\"3\",\"list\":[\"a\"],\"distribution\":\"uniform\"}}: feasibleSpace .max, \
         .min and .step is not supported for parameterType: categorical"
    );
    rule("list: [sgd, adam]", "list: [a]\n        max: '3'", &[&said]);
    let said = format!("26:22: {path}.list[2]: Duplicate value: \"a\"");
    rule("list: [sgd, adam]", "list: [a, b, a]", &[&said]);
    rule("list: [sgd, adam]", "list: [1, 1.0]", &[]);
}

#[test]
fn discrete_values_are_numbers() {
    let path = "spec.parameters[1].feasibleSpace.list";
    let discrete = |list: &str| {
        said(&with(&[
            ("parameterType: categorical", "parameterType: discrete"),
            ("[sgd, adam]", list),
        ]))
    };
    assert_eq!(discrete("[1, 2.5, -3]"), [""; 0]);
    assert_eq!(
        discrete("[1, x]"),
        [format!(
            "26:19: {path}[1]: Invalid value: \"x\": must be a finite number"
        )]
    );
    assert_eq!(
        discrete("[1, .inf]"),
        [format!(
            "26:19: {path}[1]: Invalid value: \"inf\": must be a finite number"
        )]
    );
    assert_eq!(
        discrete("[1, 1.0]"),
        [format!("26:19: {path}[1]: Duplicate value: \"1.0\"")]
    );
    assert_eq!(
        discrete("[0, -0.0]"),
        [format!("26:19: {path}[1]: Duplicate value: \"-0.0\"")]
    );
    let rule = "feasibleSpace.list must be specified for parameterType: discrete";
    assert_eq!(
        discrete("[]"),
        [format!("26:9: {path}: Required value: {rule}")]
    );
}

#[test]
fn objectives() {
    let objective = between("  objective:", "  algorithm:");
    rule(
        objective,
        "",
        &["6:1: spec.objective: Required value: must be specified"],
    );
    let said = "8:11: spec.objective.type: Invalid value: \"max\": must be minimize or maximize";
    rule("type: minimize", "type: max", &[said]);
    let said = "7:3: spec.objective.type: Invalid value: \"\": must be minimize or maximize";
    rule("    type: minimize\n", "", &[said]);
    let said = "7:3: spec.objective.objectiveMetricName: Required value: must be specified";
    rule("    objectiveMetricName: loss\n", "", &[said]);
    let said = "11:5: spec.objective.additionalMetricNames: Invalid value: [\"loss\"]: should not contain \
                spec.objective.objectiveMetricName";
    rule("[accuracy]", "[loss]", &[said]);
    let said = [
        "11:32: spec.objective.additionalMetricNames[1]: Duplicate value: \"a\"",
        "11:35: spec.objective.additionalMetricNames[2]: Required value: must not be empty",
    ];
    rule("[accuracy]", "[a, a, '']", &said);
}

#[test]
fn metric_strategies() {
    let path = "spec.objective.metricStrategies";
    let strategies = |list: &str| {
        broken(
            "objectiveMetricName: loss",
            &format!("objectiveMetricName: loss\n    metricStrategies: [{list}]"),
        )
    };
    assert_eq!(
        strategies("{name: loss, value: latest}, {name: accuracy, value: max}"),
        [""; 0]
    );
    let neither = "is neither spec.objective.objectiveMetricName nor one of additionalMetricNames";
    let said = format!("11:31: {path}[0].name: Invalid value: \"los\": {neither}");
    assert_eq!(strategies("{name: los, value: min}"), [said]);
    let said = format!("11:57: {path}[1].name: Duplicate value: \"loss\"");
    assert_eq!(
        strategies("{name: loss, value: min}, {name: loss, value: max}"),
        [said]
    );
    let words = "supported values: \"min\", \"max\", \"latest\"";
    let said = format!("11:44: {path}[0].value: Unsupported value: \"mean\": {words}");
    assert_eq!(strategies("{name: loss, value: mean}"), [said]);
    let said = format!("11:24: {path}[0].value: Required value: must be specified");
    assert_eq!(strategies("{name: loss}"), [said]);
}

#[test]
fn algorithms() {
    let algorithm = "  algorithm:\n    algorithmName: random\n";
    rule(algorithm, "", &[]);
    rule(algorithm, "  algorithm: {}\n", &[]);
    let said = "13:20: spec.algorithm.algorithmName: Invalid value: \"gird\": unable to get Suggestion config data for \
                algorithm gird: failed to find suggestion config for algorithm: gird in ConfigMap: katib-config";
    rule("algorithmName: random", "algorithmName: gird", &[said]);
    let problems = check(
        &with(&[("algorithmName: random", "algorithmName: gird")]),
        &context(),
    )
    .unwrap_err();
    assert_eq!(
        problems.0[0].hint.as_deref(),
        Some("did you mean \"grid\"?")
    );
    let settings = "algorithmName: random\n    algorithmSettings: [{name: seed, value: 1}, {name: seed, value: 2}, {value: 3}]";
    let said = [
        "14:56: spec.algorithm.algorithmSettings[1].name: Duplicate value: \"seed\"",
        "14:73: spec.algorithm.algorithmSettings[2].name: Required value: must be specified",
    ];
    rule("algorithmName: random", settings, &said);
}

#[test]
fn stopping_rules() {
    let stopping = |text: &str| {
        broken(
            "  maxTrialCount",
            &format!("  earlyStopping: {text}\n  maxTrialCount"),
        )
    };
    assert_eq!(stopping("{algorithmName: medianstop}"), [""; 0]);
    assert_eq!(
        stopping("{}"),
        ["15:3: spec.earlyStopping.algorithmName: Required value: must be specified"]
    );
    let said = "15:34: spec.earlyStopping.algorithmName: Invalid value: \"median\": unable to get EarlyStopping config \
                data for algorithm median: failed to find early stopping config for algorithm: median in ConfigMap: \
                katib-config";
    assert_eq!(stopping("{algorithmName: median}"), [said]);
}

#[test]
fn budgets() {
    rule("parallelTrialCount: 3", "parallelTrialCount: 0", &[]);
    let said = "14:23: spec.parallelTrialCount: Invalid value: -1: should not be less than 0";
    rule("parallelTrialCount: 3", "parallelTrialCount: -1", &[said]);
    let said = "14:23: spec.parallelTrialCount: Invalid value: 13: should be less than or equal to spec.maxTrialCount";
    rule("parallelTrialCount: 3", "parallelTrialCount: 13", &[said]);
    let said = "15:18: spec.maxTrialCount: Invalid value: 0: must be greater than 0";
    rule("  maxTrialCount: 12", "  maxTrialCount: 0", &[said]);
    let said = "16:24: spec.maxFailedTrialCount: Invalid value: -1: should not be less than 0";
    rule("maxFailedTrialCount: 3", "maxFailedTrialCount: -1", &[said]);
    let said = "16:24: spec.maxFailedTrialCount: Invalid value: 13: should be less than or equal to spec.maxTrialCount";
    rule("maxFailedTrialCount: 3", "maxFailedTrialCount: 13", &[said]);
    let said = "16:26: spec.activeDeadlineSeconds: Invalid value: 0: must be greater than 0";
    rule(
        "  maxTrialCount: 12",
        "  maxTrialCount: 12\n  activeDeadlineSeconds: 0",
        &[said],
    );
}

#[test]
fn resume_policies() {
    for policy in ["Never", "LongRunning", "FromVolume"] {
        rule(
            "  maxTrialCount",
            &format!("  resumePolicy: {policy}\n  maxTrialCount"),
            &[],
        );
    }
    let said = "15:17: spec.resumePolicy: Invalid value: \"never\": invalid ResumePolicyType";
    rule(
        "  maxTrialCount",
        "  resumePolicy: never\n  maxTrialCount",
        &[said],
    );
}
