//! Rules that stop a trial early, and their list.

mod asha;
mod curve;
mod curves;
mod medianstop;
mod percentile;
mod plateau;
mod statistics;
mod threshold;
mod wilcoxon;

use diwan_core::problem::{Problem, Problems};
use diwan_core::record::TrialState;
use diwan_core::resources::EarlyStoppingRule;

use crate::algorithm::SuggestError;
use crate::registry::UnknownName;
use crate::settings::{Setting, Settings};
use crate::study::Objective;

pub use curve::{Curve, Reported};
pub use curves::{Curves, Tracked};

/// Decides which running trials are not worth their end.
///
/// It is asked in two ways. [`StoppingRule::judge`] knows the curves of all trials as they are now, and is asked whenever a
/// running trial has reported. [`StoppingRule::rules`] answers Katib's protocol: the best that can be fixed when a trial starts.
pub trait StoppingRule: Sync {
    /// The name in `algorithmName` of `earlyStopping`; unique.
    fn name(&self) -> &'static str;

    /// One or two sentences on what it does.
    fn summary(&self) -> &'static str;

    /// The settings it takes.
    fn settings(&self) -> &'static [Setting];

    /// Whether it looks at the curves of other trials that are in this state.
    fn compares_with(&self, state: TrialState) -> bool;

    /// How many of each other trial's first values [`StoppingRule::rules`] looks at.
    fn values_needed(&self, _settings: &Settings) -> usize {
        0
    }

    /// Notes what is wrong with the settings beyond their names and ranges.
    fn check(&self, _settings: &Settings, _path: &str, _problems: &mut Vec<Problem>) {}

    /// Whether the settings are right; the error names every one that is not.
    fn validate(&self, settings: &Settings) -> Result<(), Problems> {
        let path = "spec.earlyStopping.algorithmSettings";
        let mut problems = settings.problems(self.settings(), path);
        self.check(settings, path, &mut problems);
        Problems(problems).or(())
    }

    /// The rules for trials that start now, from the curves of others: a trial stops when all of them hold. Empty, as for
    /// rules that the protocol cannot say: none is stopped.
    fn rules(
        &self,
        _objective: &Objective,
        _curves: &Curves,
        _settings: &Settings,
    ) -> Vec<EarlyStoppingRule> {
        Vec::new()
    }

    /// Whether a trial that has just reported is to be stopped, and why, for people. A function of its arguments alone; to be
    /// asked after every value that the trial reports.
    fn judge(
        &self,
        objective: &Objective,
        curves: &Curves,
        trial: u64,
        settings: &Settings,
    ) -> Option<String>;
}

/// All stopping rules.
pub const STOPPING_RULES: &[&dyn StoppingRule] = &[
    &medianstop::MedianStop,
    &percentile::Percentile,
    &asha::Asha,
    &threshold::Threshold,
    &plateau::Plateau,
    &wilcoxon::Wilcoxon,
];

/// A stopping rule with settings that it takes.
#[derive(Clone)]
pub struct Stopping {
    rule: &'static dyn StoppingRule,
    settings: Settings,
}

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

// === impl Stopping ===

impl Stopping {
    /// The stopping rule of a name, if it takes these settings.
    ///
    /// # Errors
    /// When there is none of this name, or its settings are wrong.
    pub fn admit(name: &str, settings: Settings) -> Result<Self, SuggestError> {
        Ok(Self::of(find(name)?, settings)?)
    }

    /// A stopping rule, if it takes these settings.
    ///
    /// # Errors
    /// As [`StoppingRule::validate`].
    pub fn of(rule: &'static dyn StoppingRule, settings: Settings) -> Result<Self, Problems> {
        rule.validate(&settings)?;
        Ok(Self { rule, settings })
    }

    /// As [`StoppingRule::compares_with`].
    #[must_use]
    pub fn compares_with(&self, state: TrialState) -> bool {
        self.rule.compares_with(state)
    }

    /// As [`StoppingRule::values_needed`].
    #[must_use]
    pub fn values_needed(&self) -> usize {
        self.rule.values_needed(&self.settings)
    }

    /// As [`StoppingRule::rules`].
    #[must_use]
    pub fn rules(&self, objective: &Objective, curves: &Curves) -> Vec<EarlyStoppingRule> {
        self.rule.rules(objective, curves, &self.settings)
    }

    /// As [`StoppingRule::judge`], with the rule's name before the reason.
    #[must_use]
    pub fn judge(&self, objective: &Objective, curves: &Curves, trial: u64) -> Option<String> {
        let reason = self.rule.judge(objective, curves, trial, &self.settings)?;
        Some(format!("{}: {reason}", self.rule.name()))
    }
}

#[cfg(test)]
mod tests;
