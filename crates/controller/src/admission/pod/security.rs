//! The security context of the injected containers: never more than the primary container has.

use serde_json::{Map, Value, json};

/// Fields that must be as in the primary container: by them the one reads what the other writes, and the restricted Pod
/// Security Standard asks for them of every container.
const SAME: [&str; 5] = [
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "seccompProfile",
    "seLinuxOptions",
];

/// Without capabilities, without a way to get any, with a file system that cannot be written; and not as root, unless the
/// primary container is said to be: what root writes may be for root's eyes alone.
pub(super) fn context(pod: &Value, primary: &Value, user: Option<i64>) -> Value {
    let mut context = Map::new();
    let own = &primary["securityContext"];
    for field in SAME {
        if let Some(value) = own.get(field).filter(|value| !value.is_null()) {
            context.insert(field.to_owned(), value.clone());
        }
    }
    let given = |field: &str| {
        let inherited = pod["spec"]["securityContext"].get(field);
        let given = own.get(field).filter(|value| !value.is_null());
        given
            .or(inherited.filter(|value| !value.is_null()))
            .cloned()
    };
    match given("runAsUser").and_then(|user| user.as_i64()) {
        Some(0) => {}
        Some(_) => {
            context.insert("runAsNonRoot".to_owned(), json!(true));
        }
        None => {
            if let Some(user) = user {
                context.insert("runAsUser".to_owned(), json!(user));
                context.insert("runAsNonRoot".to_owned(), json!(user != 0));
            }
        }
    }
    context.insert("allowPrivilegeEscalation".to_owned(), json!(false));
    context.insert("capabilities".to_owned(), json!({"drop": ["ALL"]}));
    context.insert("readOnlyRootFilesystem".to_owned(), json!(true));
    Value::Object(context)
}
