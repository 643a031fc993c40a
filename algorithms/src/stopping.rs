//! Rules that stop a trial early, and their list.

mod medianstop;

use diwan_core::problem::Problems;
use diwan_core::resources::EarlyStoppingRule;

use crate::algorithm::SuggestError;
use crate::registry::UnknownName;
use crate::settings::{Setting, Settings};
use crate::study::Study;

/// Decides which running trials are not worth their end.
pub trait StoppingRule: Sync {
    /// The name in `algorithmName` of `earlyStopping`; unique.
    fn name(&self) -> &'static str;

    /// One or two sentences on what it does.
    fn summary(&self) -> &'static str;

    /// The settings it takes.
    fn settings(&self) -> &'static [Setting];

    /// How many of each trial's first objective values [`StoppingRule::rules`] looks at.
    fn values_needed(&self, settings: &Settings) -> usize;

    /// Whether the settings are right; the error names every one that is not.
    fn validate(&self, settings: &Settings) -> Result<(), Problems> {
        let path = "spec.earlyStopping.algorithmSettings";
        Problems(settings.problems(self.settings(), path)).or(())
    }

    /// The rules for trials that run or start now: a trial stops when all of them hold. Empty: none is stopped.
    fn rules(&self, study: &Study, settings: &Settings) -> Vec<EarlyStoppingRule>;
}

/// All stopping rules.
pub const STOPPING_RULES: &[&dyn StoppingRule] = &[&medianstop::MedianStop];

/// The stopping rule of a name.
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

/// The rules that the stopping rule of a name has for a study now.
pub fn rules(
    name: &str,
    settings: &Settings,
    study: &Study,
) -> Result<Vec<EarlyStoppingRule>, SuggestError> {
    let rule = find(name)?;
    rule.validate(settings)?;
    Ok(rule.rules(study, settings))
}
