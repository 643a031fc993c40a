//! The primary container's command, with Diwan's program in front.

use serde_json::{Value, json};

use super::place::DIRECTORY;

/// The program, where the init container puts it.
const PROGRAM: &str = "/diwan/diwan-collect";

/// Puts `diwan-collect exec` in front of the command, if there is one: what the image would run stands in its registry.
///
/// No shell: the words of `command` and `args` are handed on one by one, as Kubernetes would have.
pub(super) fn wrap(container: &mut Value, log: Option<&str>) {
    let command = words(&container["command"]);
    if command.is_empty() {
        return;
    }
    let mut wrapped = vec![
        json!(PROGRAM),
        json!("exec"),
        json!("--dir"),
        json!(DIRECTORY),
    ];
    if let Some(log) = log {
        wrapped.extend([json!("--log"), json!(log)]);
    }
    wrapped.push(json!("--"));
    wrapped.extend(command);
    wrapped.extend(words(&container["args"]));
    container["command"] = Value::Array(wrapped);
    if let Some(fields) = container.as_object_mut() {
        fields.shift_remove("args");
    }
}

fn words(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// Whether the container names its command.
pub(super) fn has_command(container: &Value) -> bool {
    !words(&container["command"]).is_empty()
}
