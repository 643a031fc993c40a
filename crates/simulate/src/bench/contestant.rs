//! Who takes part: an algorithm with its settings, and maybe a stopping rule.

use std::fmt;
use std::str::FromStr;

use diwan_algorithms::registry;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::Stopping;
use diwan_core::resources::AlgorithmSetting;

/// Written `tpe`, `tpe:gamma=0.2:n_startup_trials=5` or `tpe+medianstop:start_step=5`.
#[derive(Clone)]
pub struct Contestant {
    text: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// Its settings.
    pub settings: Vec<AlgorithmSetting>,
    /// What stops its trials early; without it, the algorithm's own rule does, if it has one.
    pub stopping: Option<Stopping>,
}

/// Why nobody takes part by this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("algorithm {text:?}: {reason}")]
pub struct BadContestant {
    text: String,
    reason: String,
}

impl Contestant {
    fn read(text: &str) -> Result<Self, String> {
        let (algorithm, rule) = match text.split_once('+') {
            Some((algorithm, rule)) => (algorithm, Some(rule)),
            None => (text, None),
        };
        let (algorithm, settings) = named(algorithm)?;
        registry::find(&algorithm).map_err(|error| error.to_string())?;
        let stopping = rule.map(admit).transpose()?;
        Ok(Self {
            text: text.to_owned(),
            algorithm,
            settings,
            stopping,
        })
    }
}

fn admit(rule: &str) -> Result<Stopping, String> {
    let (name, settings) = named(rule)?;
    let settings = Settings::from(settings.as_slice());
    Stopping::admit(&name, settings).map_err(|error| error.to_string())
}

/// A name and the settings after it.
fn named(text: &str) -> Result<(String, Vec<AlgorithmSetting>), String> {
    let mut parts = text.split(':').map(str::trim);
    let name = parts.next().unwrap_or_default().to_owned();
    let setting = |part: &str| match part.split_once('=') {
        Some((name, value)) => Ok(AlgorithmSetting {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        }),
        None => Err(format!(
            "{part:?} is no setting; expected {name}:setting=value"
        )),
    };
    let settings = parts.map(setting).collect::<Result<_, _>>()?;
    Ok((name, settings))
}

impl FromStr for Contestant {
    type Err = BadContestant;

    fn from_str(text: &str) -> Result<Self, BadContestant> {
        Self::read(text.trim()).map_err(|reason| BadContestant {
            text: text.to_owned(),
            reason,
        })
    }
}

/// As it was written.
impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
