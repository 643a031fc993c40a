//! The part of JSON Schema that the resources' schemas use, made plain.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// What a schema asks for.
pub(super) enum Shape<'a> {
    /// Whatever there is.
    Any,
    /// An object with these fields; `open`: and any others.
    Object {
        properties: &'a Map<String, Value>,
        required: Vec<&'a str>,
        open: bool,
    },
    /// An object with any field names, its values of one schema.
    Map(&'a Value),
    /// A list, its items of one schema.
    List(&'a Value),
    /// One of some words; `refusal` is the message for any other, `{}` its place in it.
    Word {
        words: Vec<&'a str>,
        refusal: Option<&'a str>,
    },
    /// Text, or a bare number or boolean that is kept as text.
    Scalar,
    /// Text.
    Text,
    /// An RFC 3339 time.
    Time,
    /// `true` or `false`.
    Boolean,
    /// A finite number.
    Number,
    /// A whole number.
    Integer { min: i128, max: i128 },
}

/// The schema of a resource with its definitions.
pub(super) struct Shapes(Value);

impl Shapes {
    pub(super) fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12();
        Self(
            settings
                .into_generator()
                .into_root_schema_for::<T>()
                .to_value(),
        )
    }

    pub(super) fn root(&self) -> &Value {
        &self.0
    }

    /// What a schema asks for, references and `null` alternatives taken away.
    pub(super) fn shape<'a>(&'a self, schema: &'a Value) -> Shape<'a> {
        let schema = self.resolve(schema);
        if let Some(words) = words(schema) {
            return Shape::Word {
                words,
                refusal: schema.get("x-refusal").and_then(Value::as_str),
            };
        }
        let types = types(schema);
        let format = schema.get("format").and_then(Value::as_str);
        match types.as_slice() {
            ["string"] if format == Some("date-time") => Shape::Time,
            ["string"] => Shape::Text,
            ["boolean"] => Shape::Boolean,
            ["number"] => Shape::Number,
            ["integer"] => integer(format),
            ["array"] => Shape::List(schema.get("items").unwrap_or(&Value::Null)),
            ["object"] => object(schema),
            several if several.contains(&"string") => Shape::Scalar,
            _ => Shape::Any,
        }
    }

    /// The emptiest value of a schema.
    pub(super) fn placeholder(&self, schema: &Value) -> Value {
        match self.shape(schema) {
            Shape::Any => Value::Null,
            Shape::Object {
                properties,
                required,
                ..
            } => required
                .into_iter()
                .map(|name| {
                    (
                        name.to_owned(),
                        self.placeholder(properties.get(name).unwrap_or(&Value::Null)),
                    )
                })
                .collect::<Map<_, _>>()
                .into(),
            Shape::Map(_) => json!({}),
            Shape::List(_) => json!([]),
            Shape::Word { words, .. } => words.first().copied().into(),
            Shape::Scalar | Shape::Text => json!(""),
            Shape::Time => json!("1970-01-01T00:00:00Z"),
            Shape::Boolean => json!(false),
            Shape::Number | Shape::Integer { .. } => json!(0),
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        // A schema leads over an alternative and a reference at most; the bound guards against loops.
        for _ in 0..8 {
            if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
                let name = target.trim_start_matches("#/$defs/");
                schema = self
                    .0
                    .get("$defs")
                    .and_then(|defs| defs.get(name))
                    .unwrap_or(&Value::Null);
            } else if let Some(either) = schema.get("anyOf").and_then(Value::as_array) {
                schema = either
                    .iter()
                    .find(|one| types(one) != ["null"])
                    .unwrap_or(&Value::Null);
            } else {
                break;
            }
        }
        schema
    }
}

/// The types of a schema, except null (unless it is nothing else).
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect(),
        _ => Vec::new(),
    }
}

fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return Some(list.iter().filter_map(Value::as_str).collect());
    }
    let either = schema.get("oneOf").and_then(Value::as_array)?;
    either
        .iter()
        .map(|one| one.get("const").and_then(Value::as_str))
        .collect()
}

fn integer(format: Option<&str>) -> Shape<'static> {
    let (min, max) = match format {
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Some("uint32") => (0, i128::from(u32::MAX)),
        Some("uint64" | "uint") => (0, i128::from(u64::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    Shape::Integer { min, max }
}

fn object(schema: &Value) -> Shape<'_> {
    let more = schema.get("additionalProperties");
    match (schema.get("properties").and_then(Value::as_object), more) {
        (Some(properties), more) => {
            let required = schema.get("required").and_then(Value::as_array);
            let required = required.map(|names| names.iter().filter_map(Value::as_str).collect());
            let open = more.is_some_and(|more| *more != Value::Bool(false));
            Shape::Object {
                properties,
                required: required.unwrap_or_default(),
                open,
            }
        }
        (None, Some(item)) => Shape::Map(item),
        (None, None) => Shape::Map(&Value::Null),
    }
}
