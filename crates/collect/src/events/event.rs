//! `tensorflow.Event`, and in it the summaries of single numbers.

use super::BadEvents;
use super::wire::{Fields, Value, number};

/// A number that a trial has written.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// Its name.
    pub tag: String,
    /// The number, as short as its type allows.
    pub value: String,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: Option<i64>,
    /// The step.
    pub step: i64,
}

/// Appends the numbers of an event.
pub(super) fn read(message: &[u8], out: &mut Vec<Scalar>) -> Result<(), BadEvents> {
    let (mut time_ns, mut step, mut summary) = (None, 0, None);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Eight(bytes)) => time_ns = nanoseconds(f64::from_le_bytes(bytes)),
            (2, Value::Number(number)) => step = number.cast_signed(),
            (5, Value::Bytes(bytes)) => summary = Some(bytes),
            _ => {}
        }
    }
    let mut values = Fields::new(summary.unwrap_or_default());
    while let Some(field) = values.next()? {
        if let (1, Value::Bytes(value)) = field
            && let Some((tag, value)) = read_value(value)?
        {
            out.push(Scalar {
                tag,
                value,
                time_ns,
                step,
            });
        }
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what does not fit saturates, and is no time"
)]
fn nanoseconds(seconds: f64) -> Option<i64> {
    // In two parts: the product of a time of today has more digits than a double.
    let whole = seconds.floor();
    let fraction = ((seconds - whole) * 1e9).round() as i64;
    (whole as i64)
        .checked_mul(1_000_000_000)?
        .checked_add(fraction)
        .filter(|time| *time > 0)
}

/// A value of a summary, if it is a single number: tag and number.
fn read_value(message: &[u8]) -> Result<Option<(String, String)>, BadEvents> {
    let (mut tag, mut value) = (String::new(), None);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => tag = String::from_utf8_lossy(bytes).into_owned(),
            (2, Value::Four(bytes)) => value = Some(f32::from_le_bytes(bytes).to_string()),
            (8, Value::Bytes(bytes)) => value = read_tensor(bytes)?,
            _ => {}
        }
    }
    Ok(value.map(|value| (tag, value)))
}

/// `tensorflow.TensorProto` of one number.
fn read_tensor(message: &[u8]) -> Result<Option<String>, BadEvents> {
    let (mut kind, mut is_single, mut content, mut listed) = (0, true, None, None);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Number(number)) => kind = number,
            (2, Value::Bytes(shape)) => is_single = is_of_one(shape)?,
            (4, Value::Bytes(bytes)) => content = Some(bytes),
            // The lists, which have one number for a tensor whose elements are all the same.
            (5, Value::Four(bytes)) => listed = Some(f32::from_le_bytes(bytes).to_string()),
            (6, Value::Eight(bytes)) => listed = Some(f64::from_le_bytes(bytes).to_string()),
            (5 | 6, Value::Bytes(bytes)) => {
                listed = raw(if field.0 == 5 { FLOAT } else { DOUBLE }, bytes)
            }
            (7 | 10, Value::Number(number)) => listed = Some(number.cast_signed().to_string()),
            (7 | 10, Value::Bytes(mut bytes)) if !bytes.is_empty() => {
                listed = Some(number(&mut bytes)?.cast_signed().to_string());
            }
            _ => {}
        }
    }
    let value = content.and_then(|content| raw(kind, content)).or(listed);
    Ok(value.filter(|_| is_single))
}

/// Numbers of `tensorflow.DataType`.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;
const INT32: u64 = 3;
const INT64: u64 = 9;

/// One number as it is in memory.
fn raw(kind: u64, bytes: &[u8]) -> Option<String> {
    let four = || bytes.try_into().ok();
    let eight = || bytes.try_into().ok();
    match kind {
        FLOAT => Some(f32::from_le_bytes(four()?).to_string()),
        DOUBLE => Some(f64::from_le_bytes(eight()?).to_string()),
        INT32 => Some(i32::from_le_bytes(four()?).to_string()),
        INT64 => Some(i64::from_le_bytes(eight()?).to_string()),
        _ => None,
    }
}

/// Whether all dimensions of a `tensorflow.TensorShapeProto` are 1.
fn is_of_one(shape: &[u8]) -> Result<bool, BadEvents> {
    let mut dimensions = Fields::new(shape);
    while let Some(field) = dimensions.next()? {
        let (2, Value::Bytes(dimension)) = field else {
            continue;
        };
        let (mut size, mut fields) = (0, Fields::new(dimension));
        while let Some(field) = fields.next()? {
            if let (1, Value::Number(number)) = field {
                size = number;
            }
        }
        if size != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len().try_into().unwrap()], bytes].concat()
    }

    fn event_with(tensor: &[u8]) -> Vec<u8> {
        let value = [field(1, b"acc"), field(8, tensor)].concat();
        field(5, &field(1, &value))
    }

    fn values(tensor: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        read(&event_with(tensor), &mut out).unwrap();
        out.into_iter().map(|scalar| scalar.value).collect()
    }

    #[test]
    fn tensors_of_one_number() {
        let float = 0.9_f32.to_le_bytes();
        assert_eq!(
            values(&[vec![8, 1], field(4, &float)].concat()),
            ["0.9"],
            "content"
        );
        assert_eq!(
            values(&[vec![8, 1], field(5, &float)].concat()),
            ["0.9"],
            "a packed list"
        );
        assert_eq!(
            values(&[&[8, 1, 0x2d], &float[..]].concat()),
            ["0.9"],
            "a list"
        );
        assert_eq!(
            values(&[vec![8, 2], field(4, &0.1_f64.to_le_bytes())].concat()),
            ["0.1"]
        );
        assert_eq!(
            values(&[vec![8, 9], field(10, &[0x96, 0x01])].concat()),
            ["150"]
        );
        assert_eq!(
            values(&[vec![8, 1], field(4, &f32::NAN.to_le_bytes())].concat()),
            ["NaN"]
        );
    }

    #[test]
    fn anything_else_is_passed_over() {
        let float = 0.9_f32.to_le_bytes();
        let two = [vec![8, 1], field(2, &field(2, &[8, 2])), field(5, &float)].concat();
        assert!(values(&two).is_empty(), "two of the same");
        assert!(
            values(&[vec![8, 7], field(8, b"text")].concat()).is_empty(),
            "text"
        );
        assert!(values(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&bytes, &mut Vec::new());
            let _ = read(&event_with(&bytes), &mut Vec::new());
        }
    }
}
