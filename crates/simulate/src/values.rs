//! The values of a trial, as a problem reads them.

use diwan_core::resources::ParameterAssignment;

/// The values of a trial, by the names of their parameters. A problem reads those that matter and no others: what stands under
/// a condition that does not hold may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a>(&'a [ParameterAssignment]);

/// Why a problem cannot use a trial's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// It has no value for a parameter that matters.
    #[error("parameter {0} has no value")]
    Missing(String),
    /// The value is none of the parameter.
    #[error("parameter {name}: {value:?} is not {wanted}")]
    Misfit {
        /// The parameter.
        name: String,
        /// What it was given.
        value: String,
        /// What it takes.
        wanted: String,
    },
}

impl<'a> Values<'a> {
    /// Of these assignments.
    #[must_use]
    pub fn new(assignments: &'a [ParameterAssignment]) -> Self {
        Self(assignments)
    }

    /// A word.
    ///
    /// # Errors
    /// When there is no value of this name.
    pub fn word(&self, name: &str) -> Result<&'a str, BadValue> {
        let given = self.0.iter().find(|given| given.name == name);
        let given = given.ok_or_else(|| BadValue::Missing(name.to_owned()))?;
        Ok(given.value.trim())
    }

    /// The place of a word in a list.
    ///
    /// # Errors
    /// When there is no value of this name, or it is not in the list.
    pub fn choice(&self, name: &str, words: &[&str]) -> Result<usize, BadValue> {
        let word = self.word(name)?;
        let place = words.iter().position(|known| *known == word);
        place.ok_or_else(|| BadValue::Misfit {
            name: name.to_owned(),
            value: word.to_owned(),
            wanted: format!("one of {}", words.join(", ")),
        })
    }

    /// A finite number.
    ///
    /// # Errors
    /// When there is no value of this name, or it is no finite number.
    pub fn number(&self, name: &str) -> Result<f64, BadValue> {
        let word = self.word(name)?;
        let number = word.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| BadValue::Misfit {
            name: name.to_owned(),
            value: word.to_owned(),
            wanted: "a finite number".to_owned(),
        })
    }

    /// A number above 0.
    ///
    /// # Errors
    /// When there is no value of this name, or it is none above 0.
    pub fn positive(&self, name: &str) -> Result<f64, BadValue> {
        let number = self.number(name)?;
        if number > 0.0 {
            return Ok(number);
        }
        Err(BadValue::Misfit {
            name: name.to_owned(),
            value: number.to_string(),
            wanted: "above 0".to_owned(),
        })
    }
}
