//! The definitions of Diwan's resources for Kubernetes, from the types of `diwan-core`.
//!
//! They say what there is (`kubectl explain` reads them) and refuse as little as Katib's, which say nothing: unknown fields are
//! kept, nothing is required, null is allowed, and where the types take text or a number anything goes. What is wrong with an
//! experiment is said by the webhook, which sees all of it.

use diwan_core::resources::{Experiment, Suggestion, Trial};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::kinds;

/// Makes an object one field to those who ask who wrote what.
const AS_ONE: &str = "x-kubernetes-map-type";
/// Keeps fields that the schema does not name.
const OPEN: &str = "x-kubernetes-preserve-unknown-fields";

/// The three definitions, by the plural of their kind.
#[must_use]
pub fn definitions() -> Vec<(String, Value)> {
    let numbers = [
        column("Requested", "integer", ".spec.requests"),
        column("Assigned", "integer", ".status.suggestionCount"),
    ];
    vec![
        definition::<Experiment>(&kinds::experiments(), &[], true),
        definition::<Suggestion>(&kinds::suggestions(), &numbers, false),
        definition::<Trial>(&kinds::trials(), &[], false),
    ]
}

fn definition<T: JsonSchema>(
    resource: &kube::core::ApiResource,
    columns: &[Value],
    is_made_by_users: bool,
) -> (String, Value) {
    // The last condition is the current state: Katib's order.
    let mut all = vec![
        column("Type", "string", ".status.conditions[-1:].type"),
        column("Status", "string", ".status.conditions[-1:].status"),
    ];
    all.extend(columns.iter().cloned());
    all.push(column("Age", "date", ".metadata.creationTimestamp"));
    let mut schema = root::<T>();
    // Only the controller writes these. The API server would take note of the writer of each field in them, whole jobs among them.
    let own: &[&str] = match is_made_by_users {
        true => &["status"],
        false => &["spec", "status"],
    };
    for part in own {
        schema["properties"][part][AS_ONE] = json!("atomic");
    }
    let version = json!({
        "name": resource.version,
        "served": true,
        "storage": true,
        "additionalPrinterColumns": all,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", resource.plural, resource.group)},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind,
                "listKind": format!("{}List", resource.kind),
                "plural": resource.plural,
                "singular": resource.kind.to_lowercase(),
                "categories": ["all", "kubeflow", "katib"],
            },
            "versions": [version],
        },
    });
    (resource.plural.clone(), definition)
}

fn column(name: &str, kind: &str, path: &str) -> Value {
    json!({"name": name, "type": kind, "jsonPath": path})
}

/// The schema of a resource. Its metadata is Kubernetes' own.
fn root<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut root = structural(schema.as_value());
    root["properties"]["metadata"] = json!({"type": "object"});
    // These cannot be null anywhere in Kubernetes.
    for place in ["", "/properties/apiVersion", "/properties/kind"] {
        if let Some(fields) = root.pointer_mut(place).and_then(Value::as_object_mut) {
            fields.shift_remove("nullable");
        }
    }
    root
}

/// The structural schema that takes all that a schema takes, and more.
fn structural(schema: &Value) -> Value {
    let mut new = match kind(schema) {
        Some("object") => {
            let mut object = json!({"type": "object", "nullable": true, OPEN: true});
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                let properties = properties.iter();
                object["properties"] = properties
                    .map(|(name, schema)| (name.clone(), structural(schema)))
                    .collect::<Map<_, _>>()
                    .into();
            }
            object
        }
        Some("array") => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            json!({"type": "array", "nullable": true, "items": structural(items)})
        }
        Some("null") | None => match alternative(schema) {
            Some(schema) => structural(schema),
            None => json!({OPEN: true}),
        },
        Some(scalar) => json!({"type": scalar, "nullable": true}),
    };
    if let (Some(text), Some(fields)) = (schema.get("description"), new.as_object_mut()) {
        fields.shift_insert(0, "description".to_owned(), text.clone());
    }
    new
}

/// The one type of a schema, null aside; words are text, whichever they are.
fn kind(schema: &Value) -> Option<&str> {
    let is_words = |list: &Value| {
        let mut all = list.as_array().into_iter().flatten();
        all.all(|one| one.get("const").is_some_and(Value::is_string))
    };
    if schema.get("enum").is_some() || schema.get("oneOf").is_some_and(is_words) {
        return Some("string");
    }
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => {
            let mut kinds = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null");
            let first = kinds.next();
            first.filter(|_| kinds.next().is_none())
        }
        _ => None,
    }
}

/// What `Option<T>` offers beside null.
fn alternative(schema: &Value) -> Option<&Value> {
    let either = schema.get("anyOf")?.as_array()?;
    either.iter().find(|one| kind(one) != Some("null"))
}

#[cfg(test)]
mod tests;
