//! JSON patches (RFC 6902).

use serde_json::{Value, json};

/// The operations that make `after` of `before`: none if they are equal.
#[must_use]
pub fn between(before: &Value, after: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    compare("", before, after, &mut operations);
    operations
}

/// `onto` with what differs between `before` and `after`.
///
/// For an object that was decoded (`before`), changed (`after`) and is to be sent back: decoding rewrites numbers and leaves
/// out what it does not know, and none of that may show.
#[must_use]
pub fn carry(before: &Value, after: &Value, onto: &Value) -> Value {
    if before == after {
        return onto.clone();
    }
    match (before, after, onto) {
        (Value::Object(before), Value::Object(after), Value::Object(onto)) => {
            let mut merged = onto.clone();
            for (key, after) in after {
                let before = before.get(key).unwrap_or(&Value::Null);
                if before != after {
                    let onto = onto.get(key).unwrap_or(&Value::Null);
                    merged.insert(key.clone(), carry(before, after, onto));
                }
            }
            Value::Object(merged)
        }
        (Value::Array(before), Value::Array(after), Value::Array(onto)) => {
            let nothing = Value::Null;
            let at = |list: &[Value], index| list.get(index).unwrap_or(&nothing).clone();
            let items = after.iter().enumerate();
            items
                .map(|(index, after)| carry(&at(before, index), after, &at(onto, index)))
                .collect()
        }
        _ => after.clone(),
    }
}

fn compare(path: &str, before: &Value, after: &Value, operations: &mut Vec<Value>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                operations.push(json!({"op": "remove", "path": child(path, key)}));
            }
            for (key, value) in new {
                let path = child(path, key);
                match old.get(key) {
                    Some(old) => compare(&path, old, value, operations),
                    None => operations.push(json!({"op": "add", "path": path, "value": value})),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() <= new.len() => {
            for (index, value) in new.iter().enumerate() {
                match old.get(index) {
                    Some(old) => compare(&format!("{path}/{index}"), old, value, operations),
                    None => {
                        let path = format!("{path}/-");
                        operations.push(json!({"op": "add", "path": path, "value": value}));
                    }
                }
            }
        }
        _ => operations.push(json!({"op": "replace", "path": path, "value": after})),
    }
}

fn child(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `value` with the operations applied.
    pub(crate) fn patched(value: &Value, operations: Vec<Value>) -> Value {
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(operations)).unwrap();
        let mut value = value.clone();
        json_patch::patch(&mut value, &patch).unwrap();
        value
    }

    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            "[ab/~]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab/~]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_leads_from_one_to_the_other(before in any_json(), after in any_json()) {
            prop_assert_eq!(&patched(&before, between(&before, &after)), &after);
            prop_assert!(between(&after, &after).is_empty());
        }

        #[test]
        fn what_does_not_differ_is_not_carried(onto in any_json(), value in any_json(), other in any_json()) {
            prop_assert_eq!(&carry(&value, &value, &onto), &onto);
            let (before, after) = (json!({"a": value}), json!({"a": value, "b": other}));
            let carried = carry(&before, &after, &json!({"c": onto}));
            prop_assert_eq!(carried.get("c"), Some(&onto));
            prop_assert_eq!(carried.get("a"), None);
        }
    }
}
