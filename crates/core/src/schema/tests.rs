use super::shape::Shape;
use super::*;
use crate::manifest;
use crate::problem::child;
use crate::resources::{Experiment, Suggestion, Trial};

fn read<T: JsonSchema + DeserializeOwned + Default>(text: &str) -> Result<T, String> {
    let documents = manifest::documents(text).map_err(|problems| problems.to_string())?;
    decode::<T>(&documents[0].root).map_err(|problems| problems.to_string())
}

#[test]
fn every_resource_can_be_read() {
    let trial = "kind: Trial\nspec:\n  runSpec: {kind: Job, any: {thing: 1}}\n  earlyStoppingRules:\n    - {name: a, value: 0.10, comparison: less}\n";
    let trial: Trial = read(trial).unwrap();
    assert_eq!(trial.spec.early_stopping_rules[0].value, "0.10");
    assert_eq!(trial.spec.run_spec.unwrap()["any"]["thing"], 1);
    let suggestion: Suggestion = read("kind: Suggestion\nspec: {requests: 3}\n").unwrap();
    assert_eq!(suggestion.spec.requests, 3);
    assert!(
        read::<Suggestion>("spec: {requests: -1}\n")
            .unwrap_err()
            .contains("must be a whole number from 0 to")
    );
    assert!(
        read::<Trial>("status: {conditions: [{type: A, status: 1}]}\n")
            .unwrap_err()
            .contains("supported values")
    );
}

#[test]
fn what_is_right_is_kept_and_keeps_its_number() {
    let text = "spec:\n  parameters:\n    - 7\n    - name: b\n      parameterType: Int\n      feasibleSpace: {min: 1, max: [2]}\n  maxTrialCount: 5\n";
    let root = &manifest::documents(text).unwrap()[0].root;
    let decoded = decode_tolerant::<Experiment>(root);
    let said: Vec<String> = decoded.problems.iter().map(ToString::to_string).collect();
    let wanted = [
        "3:7: spec.parameters[0]: Invalid value: 7: must be an object",
        "5:22: spec.parameters[1].parameterType: Invalid value: \"Int\": parameterType: Int is not supported",
        "6:31: spec.parameters[1].feasibleSpace.max: Invalid value: [2]: must be a string or a number",
    ];
    assert_eq!(said, wanted);
    assert_eq!(
        decoded.problems[1].hint.as_deref(),
        Some("did you mean \"int\"?")
    );
    let spec = decoded.value.spec;
    assert_eq!(spec.max_trial_count, Some(5));
    assert_eq!(spec.parameters[1].name, "b");
    assert_eq!(spec.parameters[1].feasible_space.min, "1");
}

#[test]
fn open_objects_are_open_and_others_are_not() {
    let text = "metadata: {x: 1}\nspec:\n  trialTemplate: {trialSpec: {x: 1}, x: 1}\n  metricsCollectorSpec: {collector: {customCollector: {x: 1}}}\n";
    let problems = read::<Experiment>(text).unwrap_err();
    assert_eq!(problems, "3:38: spec.trialTemplate.x: Unknown field: \"x\"");
}

#[test]
fn every_schema_is_understood() {
    // A shape that is not understood would let anything through: only these fields may hold anything.
    fn anything(shapes: &Shapes, schema: &Value, path: &str, found: &mut Vec<String>) {
        match shapes.shape(schema) {
            Shape::Any => found.push(path.to_owned()),
            Shape::Object { properties, .. } => {
                properties
                    .iter()
                    .for_each(|(name, schema)| anything(shapes, schema, &child(path, name), found));
            }
            Shape::Map(item) | Shape::List(item) => {
                anything(shapes, item, &format!("{path}[]"), found)
            }
            _ => {}
        }
    }
    let shapes = Shapes::of::<Experiment>();
    let mut found = Vec::new();
    anything(&shapes, shapes.root(), "", &mut found);
    let wanted = [
        "metadata.ownerReferences[]",
        "spec.trialTemplate.trialSpec[]",
        "spec.metricsCollectorSpec.collector.customCollector",
        "spec.metricsCollectorSpec.source.httpGet",
    ];
    assert_eq!(found, wanted);
}
