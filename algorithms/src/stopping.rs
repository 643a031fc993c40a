//! Rules that stop a trial early, and their list.

mod medianstop;

use diwan_core::problem::Problems;
use diwan_core::resources::EarlyStoppingRule;

use crate::algorithm::SuggestError;
use crate::registry::UnknownName;
use crate::settings::{Setting, Settings};
use crate::study::Objective;

/// The first values of the objective that a trial reported, in order; NaN and infinities among them.
pub type Curve = Vec<f64>;

/// Decides which running trials are not worth their end.
pub trait StoppingRule: Sync {
    /// The name in `algorithmName` of `earlyStopping`; unique.
    fn name(&self) -> &'static str;

    /// One or two sentences on what it does.
    fn summary(&self) -> &'static str;

    /// The settings it takes.
    fn settings(&self) -> &'static [Setting];

    /// How many of each trial's first values [`StoppingRule::rules`] looks at.
    fn values_needed(&self, settings: &Settings) -> usize;

    /// Whether the settings are right; the error names every one that is not.
    fn validate(&self, settings: &Settings) -> Result<(), Problems> {
        let path = "spec.earlyStopping.algorithmSettings";
        Problems(settings.problems(self.settings(), path)).or(())
    }

    /// The rules for trials that start now, from the curves of those that have succeeded: a trial stops when all of them
    /// hold. Empty: none is stopped.
    fn rules(
        &self,
        objective: &Objective,
        succeeded: &[Curve],
        settings: &Settings,
    ) -> Vec<EarlyStoppingRule>;
}

/// All stopping rules.
pub const STOPPING_RULES: &[&dyn StoppingRule] = &[&medianstop::MedianStop];

/// The stopping rule of a name.
///
/// # Errors
/// When there is none, with the nearest name.
pub fn find(name: &str) -> Result<&'static dyn StoppingRule, UnknownName> {
    let found = STOPPING_RULES.iter().find(|rule| rule.name() == name);
    found.copied().ok_or_else(|| {
        UnknownName::new(
            "stopping rule",
            name,
            STOPPING_RULES.iter().map(|rule| rule.name()),
        )
    })
}

/// The stopping rule of a name, if it takes these settings.
///
/// # Errors
/// When there is none of this name, or its settings are wrong.
pub fn admit(name: &str, settings: &Settings) -> Result<&'static dyn StoppingRule, SuggestError> {
    let rule = find(name)?;
    rule.validate(settings)?;
    Ok(rule)
}
