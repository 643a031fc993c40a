//! Prometheus' text exposition: what an endpoint of a trial says now.

use diwan_core::resources::ObjectiveSpec;

/// Finds an experiment's metrics in what an endpoint says.
///
/// A metric is the name of a sample, or a name with labels that the sample must have: `accuracy{split="val"}`. Of several
/// samples that fit, the first counts.
#[derive(Clone, Debug)]
pub struct Exposition {
    wanted: Vec<(String, Selector)>,
}

/// A value of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The metric, as the objective names it.
    pub metric: String,
    /// Its value as it is written.
    pub value: String,
    /// Nanoseconds since 1970-01-01T00:00:00Z, if it is said.
    pub time_ns: Option<i64>,
}

#[derive(Clone, Debug)]
struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

/// Why a metric cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "objective: the metric {0:?} is no name of a Prometheus metric, nor one with labels, such as accuracy{{split=\"val\"}}"
)]
pub struct BadSelector(String);

impl Exposition {
    /// For an experiment's metrics.
    ///
    /// # Errors
    /// When a name has labels that cannot be read.
    pub fn new(objective: &ObjectiveSpec) -> Result<Self, BadSelector> {
        let names = objective.metric_names().filter(|name| !name.is_empty());
        let read = |metric: &str| match series(metric) {
            Some((selector, "")) => Ok((metric.to_owned(), selector)),
            _ => Err(BadSelector(metric.to_owned())),
        };
        Ok(Self {
            wanted: names.map(read).collect::<Result<_, _>>()?,
        })
    }

    /// The values in `text`, at most one of each metric. Lines that are not in the format are passed over.
    #[must_use]
    pub fn read(&self, text: &str) -> Vec<Exposed> {
        let samples: Vec<Sample<'_>> = text.lines().filter_map(sample).collect();
        let find = |(metric, wanted): &(String, Selector)| {
            let found = samples.iter().find(|sample| wanted.fits(&sample.series))?;
            Some(Exposed {
                metric: metric.clone(),
                value: found.value.to_owned(),
                time_ns: found.time_ns,
            })
        };
        self.wanted.iter().filter_map(find).collect()
    }
}

impl Selector {
    fn fits(&self, sample: &Self) -> bool {
        let has = |label| sample.labels.contains(label);
        self.name == sample.name && self.labels.iter().all(has)
    }
}

struct Sample<'a> {
    series: Selector,
    value: &'a str,
    time_ns: Option<i64>,
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (series, rest) = series(line)?;
    let mut words = rest.split_whitespace();
    let value = words.next()?;
    value.parse::<f64>().ok()?;
    // In milliseconds.
    let time = words.next().and_then(|word| word.parse::<i64>().ok());
    Some(Sample {
        series,
        value,
        time_ns: time.and_then(|time| time.checked_mul(1_000_000)),
    })
}

/// A name and its labels, and what stands behind them.
fn series(text: &str) -> Option<(Selector, &str)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_:.-/".contains(letter);
    let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.trim_start().strip_prefix('{') {
        rest = inside.trim_start();
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once('=')?;
            let (value, behind) = quoted(behind.trim_start())?;
            labels.push((label.trim().to_owned(), value));
            let behind = behind.trim_start();
            rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
        }
        rest = &rest[1..];
    }
    let name = name.to_owned();
    Some((Selector { name, labels }, rest))
}

/// A string in quotes, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = inside.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &inside[place + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wanted::objective;

    const TEXT: &str = r#"# HELP accuracy Of the model.
# TYPE accuracy gauge
accuracy{split="train",run="a \"b\", c"} 0.91
accuracy{split="val"} 0.87 1795255200250
loss 1.5e-01
up
bad{ 3
steps_total NaN
"#;

    fn found(metrics: &[&str]) -> Vec<String> {
        let exposition = Exposition::new(&objective(metrics)).unwrap();
        let found = exposition.read(TEXT).into_iter();
        found
            .map(|exposed| format!("{} {} {:?}", exposed.metric, exposed.value, exposed.time_ns))
            .collect()
    }

    #[test]
    fn names_and_labels_choose() {
        let expected = [
            "accuracy 0.91 None",
            "accuracy{split=\"val\"} 0.87 Some(1795255200250000000)",
            "loss 1.5e-01 None",
            "steps_total NaN None",
        ];
        assert_eq!(
            found(&[
                "accuracy",
                "accuracy{split=\"val\"}",
                "loss",
                "up",
                "bad",
                "steps_total"
            ]),
            expected
        );
    }

    #[test]
    fn labels_that_cannot_be_read_are_refused() {
        for bad in ["acc{split=val}", "acc{", "{x=\"y\"}", "acc x"] {
            Exposition::new(&objective(&[bad])).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a{}\"=\\\\,é 1\n]{0,40}") {
            let _ = Exposition::new(&objective(&["a"])).unwrap().read(&text);
            let _ = Exposition::new(&objective(&[&text]));
        }
    }
}
