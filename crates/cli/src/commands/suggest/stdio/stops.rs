//! Which running trials are not worth their end.

use diwan_algorithms::algorithm::Algorithm;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::{Curve, Curves, Stopping};
use diwan_algorithms::study::{Objective, StudySpec};
use diwan_core::record::TrialState;
use diwan_core::resources::AlgorithmSetting;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::parameters::text;
use super::request::Progress;

/// A stopping rule, if there is one, and what trials have reported.
pub(super) struct Stops {
    rule: Option<Stopping>,
    curves: Curves,
}

/// What is said of a stopping rule.
pub(super) enum Said {
    Nothing,
    NoRule,
    Rule(Stopping),
}

/// A stopping rule as it is named: alone, or with its settings.
#[derive(Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "\"early_stopping\" must be a name or {\"algorithm\": NAME, \"settings\": {…}}"
)]
enum Named {
    Alone(String),
    With {
        algorithm: String,
        #[serde(default)]
        settings: Map<String, Value>,
    },
}

impl Stops {
    pub(super) fn new(rule: Option<Stopping>) -> Self {
        Self {
            rule,
            curves: Curves::default(),
        }
    }

    /// Takes what a trial has reached; the reason if that stops it.
    pub(super) fn report(&mut self, objective: &Objective, progress: &Progress) -> Option<String> {
        let value = progress.value.unwrap_or(f64::NAN);
        let trial = progress.id;
        self.curves.report(trial, Some(progress.step), value);
        let rule = self.rule.as_ref()?;
        rule.judge(objective, &self.curves, trial)
    }

    /// Takes what a trial has reached elsewhere, which was judged there.
    pub(super) fn recall(&mut self, trial: u64, reports: &[(i64, Option<f64>)]) {
        for (step, value) in reports {
            let value = value.unwrap_or(f64::NAN);
            self.curves.report(trial, Some(*step), value);
        }
    }

    /// A trial has ended; what it has reported.
    pub(super) fn end(&mut self, trial: u64, state: TrialState) -> Curve {
        let curve = self.curves.curve(trial).cloned().unwrap_or_default();
        self.curves.settle(trial, state);
        curve
    }
}

impl Said {
    /// Takes it out of the settings of a study.
    pub(super) fn take(settings: &mut Map<String, Value>) -> Result<Self, String> {
        let Some(named) = settings.shift_remove("early_stopping") else {
            return Ok(Self::Nothing);
        };
        if named == "none" {
            return Ok(Self::NoRule);
        }
        rule(named).map(Self::Rule)
    }

    /// The rule that follows. Where nothing is said it is the algorithm's own or else asha: a program that reports asks
    /// whether to stop.
    pub(super) fn rule(self, algorithm: &dyn Algorithm, spec: &StudySpec) -> Option<Stopping> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::NoRule => None,
            Self::Nothing => algorithm
                .stopping(spec)
                .or_else(|| Stopping::admit("asha", Settings::default()).ok()),
        }
    }
}

/// The rule that is named.
fn rule(named: Value) -> Result<Stopping, String> {
    let named = serde_json::from_value(named).map_err(|error| error.to_string())?;
    let (name, given) = match named {
        Named::Alone(name) => (name, Map::new()),
        Named::With {
            algorithm,
            settings,
        } => (algorithm, settings),
    };
    let settings = Settings::from(settings(given).as_slice());
    Stopping::admit(&name, settings).map_err(|error| error.to_string())
}

/// Settings as an experiment has them.
pub(super) fn settings(given: Map<String, Value>) -> Vec<AlgorithmSetting> {
    let setting = |(name, value)| AlgorithmSetting {
        name,
        value: plain(&value),
    };
    given.into_iter().map(setting).collect()
}

/// The text of a setting. A whole number has no point, whatever the other program counts with.
fn plain(value: &Value) -> String {
    const EXACT: f64 = (1_u64 << 53) as f64;
    let number = value.as_f64().filter(|_| value.is_f64());
    match number {
        Some(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            (number as i64).to_string()
        }
        _ => text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_has_no_point() {
        let texts = |given: Value| -> Vec<String> {
            let settings = settings(given.as_object().unwrap().clone());
            settings.into_iter().map(|setting| setting.value).collect()
        };
        let given =
            json!({"a": 24.0, "b": 24, "c": 0.5, "d": -3.0, "e": "24.0", "f": 1e300, "g": true});
        let expected = ["24", "24", "0.5", "-3", "24.0", "1e+300", "true"];
        assert_eq!(texts(given), expected);
    }
}
