//! Algorithms, stopping rules' algorithms, and their settings.

use diwan_core::problem::Problems;
use diwan_core::resources::{AlgorithmSetting, AlgorithmSpec, EarlyStoppingSpec};

use super::path::{Path, required};
use crate::katib;

pub(super) fn read(message: katib::AlgorithmSpec) -> AlgorithmSpec {
    AlgorithmSpec {
        algorithm_name: message.algorithm_name,
        algorithm_settings: read_settings(message.algorithm_settings),
    }
}

/// The stopping rule of a `ValidateEarlyStoppingSettingsRequest`.
///
/// # Errors
/// When there is none.
pub fn read_early_stopping(
    message: Option<katib::EarlyStoppingSpec>,
) -> Result<EarlyStoppingSpec, Problems> {
    let mut problems = Vec::new();
    let message = required(message, Path::root("early_stopping"), &mut problems);
    Problems(problems).or(read_rule(message))
}

pub(super) fn read_rule(message: katib::EarlyStoppingSpec) -> EarlyStoppingSpec {
    let settings = message.algorithm_settings.into_iter();
    EarlyStoppingSpec {
        algorithm_name: message.algorithm_name,
        algorithm_settings: settings
            .map(|katib::EarlyStoppingSetting { name, value }| AlgorithmSetting { name, value })
            .collect(),
    }
}

pub(super) fn read_settings(messages: Vec<katib::AlgorithmSetting>) -> Vec<AlgorithmSetting> {
    messages
        .into_iter()
        .map(|katib::AlgorithmSetting { name, value }| AlgorithmSetting { name, value })
        .collect()
}

/// With `state`, settings that an earlier answer of the algorithm asked to keep, in place of those of the same name.
pub(super) fn write(algorithm: &AlgorithmSpec, state: &[AlgorithmSetting]) -> katib::AlgorithmSpec {
    let replaced =
        |setting: &&AlgorithmSetting| state.iter().all(|newer| newer.name != setting.name);
    let settings = algorithm.algorithm_settings.iter().filter(replaced);
    katib::AlgorithmSpec {
        algorithm_name: algorithm.algorithm_name.clone(),
        algorithm_settings: settings.chain(state).map(write_setting).collect(),
    }
}

pub(super) fn write_setting(setting: &AlgorithmSetting) -> katib::AlgorithmSetting {
    katib::AlgorithmSetting {
        name: setting.name.clone(),
        value: setting.value.clone(),
    }
}

pub(super) fn write_rule(rule: &EarlyStoppingSpec) -> katib::EarlyStoppingSpec {
    let write = |setting: &AlgorithmSetting| katib::EarlyStoppingSetting {
        name: setting.name.clone(),
        value: setting.value.clone(),
    };
    katib::EarlyStoppingSpec {
        algorithm_name: rule.algorithm_name.clone(),
        algorithm_settings: rule.algorithm_settings.iter().map(write).collect(),
    }
}
