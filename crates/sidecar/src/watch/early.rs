//! Stops the trial when its rules say so.

use diwan_collect::RuleWatch;
use diwan_core::observation::MetricPoint;
use diwan_core::sidecar::SidecarConfig;

use crate::say;
use crate::shared::{Shared, Stop};

/// The trial's rules; without any it never fires.
pub(super) struct Early {
    rules: Option<RuleWatch>,
    grace_seconds: u64,
    /// Why the trial is to be stopped, once it is.
    reason: Option<String>,
    is_asked: bool,
}

impl Early {
    /// Rules that cannot be evaluated stop nothing; the trial's metrics are worth reading without them.
    pub(super) fn new(config: &SidecarConfig) -> Self {
        let stopping = config.early_stopping.as_ref();
        let rules = stopping.map(|stopping| RuleWatch::new(&stopping.rules, &config.objective));
        let rules = rules.transpose().unwrap_or_else(|error| {
            say(&format!(
                "the trial is not stopped early, whatever it reports: {error}"
            ));
            None
        });
        Self {
            rules,
            grace_seconds: stopping.map_or(0, |stopping| stopping.grace_seconds),
            reason: None,
            is_asked: false,
        }
    }

    pub(super) fn observe(&mut self, point: &MetricPoint) {
        let fired = self.rules.as_mut().and_then(|rules| rules.observe(point));
        if let Some(fired) = fired {
            self.reason = Some(fired.to_string());
        }
    }

    /// Why the trial is to be stopped.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Asks for the stop, until that has worked.
    pub(super) fn ask(&mut self, shared: &Shared) {
        let Some(reason) = self.reason.clone().filter(|_| !self.is_asked) else {
            return;
        };
        match shared.ask_to_stop(&Stop::new(self.grace_seconds, reason.clone())) {
            Ok(()) => {
                say(&format!("the trial is stopped early: {reason}"));
                self.is_asked = true;
            }
            Err(error) => say(&format!("the trial cannot be stopped early yet: {error}")),
        }
    }
}
