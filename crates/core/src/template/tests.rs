use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::resources::Experiment;

const TRIAL: TrialIdentity<'static> = TrialIdentity {
    name: "exp-1",
    namespace: "ns",
};

/// An experiment that searches over `names` and puts each into its job by the same name; `more` are further trial
/// parameters.
fn experiment(job: &Value, names: &[&str], more: &[(&str, &str)]) -> Experiment {
    let same = names.iter().map(|name| (*name, *name));
    let parameters: Vec<Value> = same
        .chain(more.iter().copied())
        .map(|(name, reference)| json!({"name": name, "reference": reference}))
        .collect();
    let space: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "parameterType": "categorical"}))
        .collect();
    let template = json!({"trialSpec": job, "trialParameters": parameters});
    serde_json::from_value(json!({"spec": {"parameters": space, "trialTemplate": template}}))
        .unwrap()
}

fn assigned(values: &[(&str, &str)]) -> Vec<ParameterAssignment> {
    values
        .iter()
        .map(|(name, value)| ParameterAssignment {
            name: (*name).into(),
            value: (*value).into(),
        })
        .collect()
}

fn render(
    job: &Value,
    values: &[(&str, &str)],
    more: &[(&str, &str)],
) -> Result<Value, RenderError> {
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let template = Template::compile(&experiment(job, &names, more), None).unwrap();
    template
        .render(&TRIAL, &assigned(values))
        .map(Value::Object)
}

/// Renders YAML text of a `ConfigMap`.
fn render_text(text: &str, values: &[(&str, &str)]) -> Value {
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let mut experiment = experiment(&json!({}), &names, &[]);
    experiment.spec.trial_template.as_mut().unwrap().trial_spec = None;
    let template = Template::compile(&experiment, Some(text)).unwrap();
    Value::Object(template.render(&TRIAL, &assigned(values)).unwrap())
}

#[test]
fn values_names_and_metadata_are_put_in() {
    let job = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"labels": {"team": "a"}, "annotations": {"x.y/z": "b"}},
        "spec": {"args": ["--lr=${trialParameters.lr}", 3], "x${trialParameters.lr}": null, "env": "\
            ${trialParameters.name} ${trialParameters.space} ${trialParameters.kind} ${trialParameters.version} \
            ${trialParameters.label} ${trialParameters.note}"},
    });
    let more = [
        ("name", "${trialSpec.Name}"),
        ("space", "${trialSpec.Namespace}"),
        ("kind", "${trialSpec.Kind}"),
        ("version", "${trialSpec.APIVersion}"),
        ("label", "${trialSpec.Labels[team]}"),
        ("note", "${trialSpec.Annotations[x.y/z]}"),
    ];
    let rendered = render(&job, &[("lr", "0.1")], &more).unwrap();
    let wanted = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"labels": {"team": "a"}, "annotations": {"x.y/z": "b"}, "name": "exp-1", "namespace": "ns"},
        "spec": {"args": ["--lr=0.1", 3], "x0.1": null, "env": "exp-1 ns Pod v1 a b"},
    });
    assert_eq!(rendered, wanted);
}

#[test]
fn a_conditional_parameter_without_a_value_has_its_lowest() {
    let job = json!({"apiVersion": "v1", "kind": "Pod", "args": ["${trialParameters.kind}", "${trialParameters.depth}"]});
    let mut experiment = experiment(&job, &["kind", "depth"], &[]);
    let depth = json!({
        "name": "depth", "parameterType": "int", "feasibleSpace": {"min": "2", "max": "9"},
        "condition": {"parent": "kind", "values": ["tree"]},
    });
    experiment.spec.parameters[1] = serde_json::from_value(depth).unwrap();
    let template = Template::compile(&experiment, None).unwrap();
    let args = |values: &[(&str, &str)]| {
        let job = template.render(&TRIAL, &assigned(values));
        job.map(|job| job["args"].clone())
    };
    assert_eq!(args(&[("kind", "net")]), Ok(json!(["net", "2"])));
    assert_eq!(
        args(&[("kind", "tree"), ("depth", "5")]),
        Ok(json!(["tree", "5"]))
    );
    assert!(args(&[("depth", "5")]).is_err());
}

#[test]
fn in_an_experiment_a_placeholder_stays_a_string() {
    let job = json!({"apiVersion": "v1", "kind": "Pod", "lr": "${trialParameters.lr}"});
    assert_eq!(
        render(&job, &[("lr", "0.1")], &[]).unwrap()["lr"],
        json!("0.1")
    );
}

#[test]
fn in_a_config_map_an_unquoted_placeholder_takes_its_type() {
    let text = "apiVersion: v1\nkind: Pod\nplain: ${trialParameters.a}\nquoted: '${trialParameters.a}'\n\
                block: |\n  ${trialParameters.a}\nlist: [${trialParameters.a}, -${trialParameters.a}]\n";
    let number = render_text(text, &[("a", "7")]);
    assert_eq!(number["plain"], json!(7));
    assert_eq!(number["quoted"], json!("7"));
    assert_eq!(number["block"], json!("7\n"));
    assert_eq!(number["list"], json!([7, -7]));
    for (value, typed) in [
        ("1e-3", json!(1e-3)),
        ("true", json!(true)),
        ("null", json!("null")),
        ("a: [b", json!("a: [b")),
    ] {
        assert_eq!(render_text(text, &[("a", value)])["plain"], typed);
    }
}

#[test]
fn values_are_not_expanded_again() {
    let job =
        json!({"apiVersion": "v1", "kind": "Pod", "x": "${trialParameters.a}${trialParameters.b}"});
    let values = [("a", "${trialParameters.b}"), ("b", "${trialParameters.a}")];
    let text = "${trialParameters.b}${trialParameters.a}";
    assert_eq!(render(&job, &values, &[]).unwrap()["x"], json!(text));
}

#[test]
fn assignments_must_be_those_of_the_template() {
    let job =
        json!({"apiVersion": "v1", "kind": "Pod", "x": "${trialParameters.a}${trialParameters.b}"});
    let template = Template::compile(&experiment(&job, &["a", "b"], &[]), None).unwrap();
    let refused = |values| {
        template
            .render(&TRIAL, &assigned(values))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(&[("a", "1")]),
        "unable to find parameter: b in parameter assignment [a]"
    );
    let unused = "parameter c of the trial is used by no spec.trialTemplate.trialParameters";
    assert_eq!(refused(&[("a", "1"), ("b", "2"), ("c", "3")]), unused);
}

#[test]
fn keys_must_stay_different() {
    let job = json!({"apiVersion": "v1", "kind": "Pod", "${trialParameters.a}": 1, "x": 2});
    assert_eq!(
        render(&job, &[("a", "x")], &[]),
        Err(RenderError::DuplicateKey("x".into()))
    );
}

#[test]
fn without_a_search_space_the_optimizer_names_the_parameters() {
    let mut experiment = experiment(
        &json!({"apiVersion": "v1", "kind": "Pod", "x": "${trialParameters.net}"}),
        &[],
        &[("net", "architecture")],
    );
    experiment.spec.nas_config = Some(Default::default());
    let template = Template::compile(&experiment, None).unwrap();
    let job = template
        .render(&TRIAL, &assigned(&[("architecture", "[[1], [2]]")]))
        .unwrap();
    assert_eq!(job["x"], json!("[[1], [2]]"));
}

proptest! {
    /// Whatever a value is, exactly that text is put in its place and nothing else changes.
    #[test]
    fn any_value_is_put_in_as_it_is(a in any::<String>(), b in any::<String>()) {
        let job = json!({
            "apiVersion": "v1", "kind": "Pod", "n": 1.5, "none": null,
            "args": ["${trialParameters.a}", "<${trialParameters.b}|${trialParameters.a}>", "${HOME} $(x)"],
            "deep": {"k-${trialParameters.a}": {"v": "\"${trialParameters.b}\\"}},
        });
        let rendered = render(&job, &[("a", &a), ("b", &b)], &[]).unwrap();
        let wanted = json!({
            "apiVersion": "v1", "kind": "Pod", "n": 1.5, "none": null,
            "args": [&a, format!("<{b}|{a}>"), "${HOME} $(x)"],
            "deep": {format!("k-{a}"): {"v": format!("\"{b}\\")}},
            "metadata": {"name": "exp-1", "namespace": "ns"},
        });
        prop_assert_eq!(rendered, wanted);
    }

    #[test]
    fn any_value_is_put_into_a_config_map_as_it_is(a in any::<String>()) {
        let text = "apiVersion: v1\nkind: Pod\nargs: ['${trialParameters.a}', \"x ${trialParameters.a}\", x ${trialParameters.a}]\n\
                    block: |-\n  a\n  ${trialParameters.a}\n";
        let rendered = render_text(text, &[("a", &a)]);
        let prefixed = format!("x {a}");
        prop_assert_eq!(&rendered["args"], &json!([&a, &prefixed, &prefixed]));
        prop_assert_eq!(&rendered["block"], &json!(format!("a\n{a}")));
        prop_assert_eq!(rendered.as_object().unwrap().len(), 5);
    }
}
