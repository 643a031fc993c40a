//! The settings of an algorithm or stopping rule: what it takes, and what was given.

use std::fmt;

use diwan_core::problem::{Problem, nearest};
use diwan_core::resources::AlgorithmSetting;

/// A setting that an algorithm or stopping rule takes.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, as in Katib where Katib has it.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What holds when it is not given, in words or as a value.
    pub default: &'static str,
    /// What it is for: a lowercase fragment.
    pub help: &'static str,
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number, ends included.
    Int {
        /// The smallest.
        min: i64,
        /// The largest; `i64::MAX` means no limit.
        max: i64,
    },
    /// A finite number strictly between two others.
    Between {
        /// Below all values; may be infinite.
        above: f64,
        /// Above all values; may be infinite.
        below: f64,
    },
    /// A finite number that is this or more.
    AtLeast(f64),
    /// Any text that is not empty.
    Text,
    /// One of some words.
    OneOf(&'static [&'static str]),
}

/// The settings that were given. Of two with one name the later holds, so state is merged by appending it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(Vec<AlgorithmSetting>);

/// The seed, for algorithms that Katib gives one; without it the experiment's own seed is used.
pub const RANDOM_STATE: Setting = Setting {
    name: "random_state",
    kind: Kind::Int {
        min: 0,
        max: i64::MAX,
    },
    default: "the experiment's own seed",
    help: "the seed; the same seed gives the same trials",
};

// === impl Setting ===

impl Setting {
    /// What it is for, what values it takes, and its default.
    #[must_use]
    pub fn description(&self) -> String {
        format!("{} ({}; default: {})", self.help, self.kind, self.default)
    }
}

// === impl Kind ===

impl Kind {
    /// The words that it takes, if it takes words.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::OneOf(words) => words,
            Self::Int { .. } | Self::Between { .. } | Self::AtLeast(_) | Self::Text => &[],
        }
    }

    fn admits(self, text: &str) -> bool {
        match self {
            Self::Int { min, max } => text
                .parse()
                .is_ok_and(|value: i64| min <= value && value <= max),
            Self::Between { above, below } => text
                .parse()
                .is_ok_and(|value: f64| value.is_finite() && above < value && value < below),
            Self::AtLeast(min) => text
                .parse()
                .is_ok_and(|value: f64| value.is_finite() && min <= value),
            Self::Text => !text.is_empty(),
            Self::OneOf(words) => words.contains(&text),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Int { min, max: i64::MAX } => write!(f, "a whole number, {min} or more"),
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::AtLeast(min) => write!(f, "a number, {min} or more"),
            Self::Between {
                above: f64::NEG_INFINITY,
                below: f64::INFINITY,
            } => f.write_str("a number"),
            Self::Between {
                above,
                below: f64::INFINITY,
            } => write!(f, "a number above {above}"),
            Self::Between { above, below } => write!(f, "a number above {above} and below {below}"),
            Self::Text => f.write_str("a text"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

// === impl Settings ===

impl Settings {
    /// The text of a setting, if it was given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|setting| setting.name == name)
            .map(|setting| setting.value.trim())
    }

    /// A setting as a whole number; `None` when it was not given or is none.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// A setting as a number; `None` when it was not given or is none.
    #[must_use]
    pub fn real(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// The others than those of these names.
    #[must_use]
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let others = self.0.iter();
        let others = others.filter(|setting| !names.contains(&setting.name.as_str()));
        Self(others.cloned().collect())
    }

    /// Every setting that `schema` does not know or that is out of its range, at `path[name]`.
    #[must_use]
    pub fn problems(&self, schema: &[Setting], path: &str) -> Vec<Problem> {
        let judge = |given: &AlgorithmSetting| {
            let path = format!("{path}[{}]", given.name);
            match schema.iter().find(|known| known.name == given.name) {
                None => Some(unknown(path, &given.name, schema)),
                Some(known) if known.kind.admits(given.value.trim()) => None,
                Some(known) => {
                    let message = format!("must be {}", known.kind);
                    let problem = Problem::invalid(path, given.value.as_str(), message);
                    Some(problem.hinting_at(given.value.trim(), known.kind.words().iter().copied()))
                }
            }
        };
        self.0.iter().filter_map(judge).collect()
    }
}

/// No setting has this name; the nearest one comes with what it takes.
fn unknown(path: String, name: &str, schema: &[Setting]) -> Problem {
    let known: Vec<&str> = schema.iter().map(|known| known.name).collect();
    let problem = Problem::unsupported(path, name, &known);
    let meant = nearest(name, known);
    match schema.iter().find(|known| Some(known.name) == meant) {
        Some(meant) => {
            let hint = format!("did you mean {:?}? it takes {}", meant.name, meant.kind);
            problem.with_hint(hint)
        }
        None => problem,
    }
}

impl From<&[AlgorithmSetting]> for Settings {
    fn from(settings: &[AlgorithmSetting]) -> Self {
        Self(settings.to_vec())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Settings {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let setting = |(name, value): (&str, &str)| AlgorithmSetting {
            name: name.into(),
            value: value.into(),
        };
        Self(pairs.into_iter().map(setting).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::problem::Problems;

    const SCHEMA: &[Setting] = &[
        RANDOM_STATE,
        Setting {
            name: "gamma",
            kind: Kind::Between {
                above: 0.0,
                below: 1.0,
            },
            default: "0.25",
            help: "",
        },
        Setting {
            name: "acq",
            kind: Kind::OneOf(&["ei", "ucb"]),
            default: "ei",
            help: "",
        },
    ];

    fn problems(name: &str, value: &str) -> String {
        let settings = Settings::from_iter([(name, value)]);
        Problems(settings.problems(SCHEMA, "settings")).to_string()
    }

    #[test]
    fn accepts_what_the_schema_admits() {
        for (name, value) in [("random_state", " 7 "), ("gamma", "1e-3"), ("acq", "ucb")] {
            assert_eq!(problems(name, value), "");
        }
    }

    #[test]
    fn says_the_range_or_the_nearest_name() {
        assert_eq!(
            problems("random_state", "-1"),
            r#"settings[random_state]: Invalid value: "-1": must be a whole number, 0 or more"#
        );
        assert_eq!(
            problems("gamma", "1"),
            r#"settings[gamma]: Invalid value: "1": must be a number above 0 and below 1"#
        );
        assert_eq!(
            problems("gamma", "NaN"),
            r#"settings[gamma]: Invalid value: "NaN": must be a number above 0 and below 1"#
        );
        assert_eq!(
            problems("acq", "pi"),
            r#"settings[acq]: Invalid value: "pi": must be one of ei, ucb (did you mean "ei"?)"#
        );
        assert_eq!(
            problems("acq", "entropy"),
            r#"settings[acq]: Invalid value: "entropy": must be one of ei, ucb"#
        );
        assert_eq!(
            problems("acq", "UCB"),
            r#"settings[acq]: Invalid value: "UCB": must be one of ei, ucb (did you mean "ucb"?)"#
        );
        assert_eq!(
            problems("gama", "0.1"),
            r#"settings[gama]: Unsupported value: "gama": supported values: "random_state", "gamma", "acq" (did you mean "gamma"? it takes a number above 0 and below 1)"#
        );
        assert_eq!(
            problems("colour", "red"),
            r#"settings[colour]: Unsupported value: "colour": supported values: "random_state", "gamma", "acq""#
        );
    }

    #[test]
    fn a_setting_tells_what_it_is_for() {
        assert_eq!(
            RANDOM_STATE.description(),
            "the seed; the same seed gives the same trials (a whole number, 0 or more; default: the experiment's \
             own seed)"
        );
    }

    #[test]
    fn the_later_of_two_holds() {
        let settings = Settings::from_iter([("gamma", "0.1"), ("gamma", "0.2")]);
        assert_eq!(settings.real("gamma"), Some(0.2));
    }
}
