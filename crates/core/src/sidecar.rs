//! What the collector in a trial's pod is told, and what it leaves: the contract between the webhook that adds it,
//! `diwan-collect watch`, and the controller.

mod undelivered;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::resources::{CollectorKind, EarlyStoppingRule, MetricsCollectorSpec, ObjectiveSpec};

pub use undelivered::{Left, Row, Undelivered};

/// The variable of the container that has the [`SidecarConfig`], as JSON.
pub const VARIABLE: &str = "DIWAN_COLLECT";

/// The version of [`SidecarConfig`] that this program writes and reads.
pub const VERSION: u32 = 1;

/// Everything that the collector of one trial needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SidecarConfig {
    /// [`VERSION`]; another one is refused, because it may mean something else.
    pub version: u32,
    /// The trial's name.
    pub trial: String,
    /// Its namespace, for messages; Katib's protocol has none.
    #[serde(default)]
    pub namespace: String,
    /// `host:port` of the service `api.v1.beta1.DBManager`.
    pub db_manager: String,
    /// The experiment's objective: which metrics are read.
    pub objective: ObjectiveSpec,
    /// The experiment's collector: how they are read.
    #[serde(default)]
    pub metrics_collector: MetricsCollectorSpec,
    /// What stops the trial early, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<SidecarStopping>,
    /// The directory that the collector shares with `diwan-collect exec --dir`.
    pub dir: PathBuf,
    /// The file of `diwan-collect exec --log`; needed by the kind `StdOut`, copied to the collector's output with every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
    /// What ends the collector.
    #[serde(default)]
    pub until: Until,
    /// Whether the kubelet starts the primary container again when it fails (`restartPolicy: OnFailure`): then only its
    /// success is an end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
}

/// What stops a trial early.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SidecarStopping {
    /// `host:port` of the service `api.v1.beta1.EarlyStopping`.
    pub address: String,
    /// The trial's rules; when all have held, it is stopped.
    pub rules: Vec<EarlyStoppingRule>,
    /// Seconds that the trial has between TERM and KILL.
    #[serde(default = "default_grace")]
    pub grace_seconds: u64,
}

/// What ends the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Until {
    /// The end of the primary container's command: it is a container like others, which must end for the pod to end.
    #[default]
    Ended,
    /// SIGTERM: it is a native sidecar (an init container that restarts), which would only be started again.
    Terminated,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum SidecarConfigError {
    /// It is no JSON, or not of the shape of [`SidecarConfig`].
    #[error("it is not what this program reads: {0}")]
    Form(#[from] serde_json::Error),
    /// Another version.
    #[error(
        "version is {0}, and this program reads {VERSION}; use the collector that came with the controller"
    )]
    Version(u32),
    /// A field that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An address.
    #[error("{field} is {value:?}; it must be host:port, such as katib-db-manager.kubeflow:6789")]
    Address {
        /// The field.
        field: &'static str,
        /// What it has.
        value: String,
    },
}

fn default_grace() -> u64 {
    30
}

impl SidecarConfig {
    /// Reads it.
    ///
    /// # Errors
    /// When it is of another version or of another form, or lacks something.
    pub fn read(json: &str) -> Result<Self, SidecarConfigError> {
        /// What tells a version, whatever else there is.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        match serde_json::from_str(json)? {
            Versioned { version: VERSION } => {}
            Versioned { version } => return Err(SidecarConfigError::Version(version)),
        }
        let config: Self = serde_json::from_str(json)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), SidecarConfigError> {
        if self.trial.is_empty() {
            return Err(SidecarConfigError::Missing("trial"));
        }
        if self.log.is_none() && self.metrics_collector.kind() == CollectorKind::StdOut {
            return Err(SidecarConfigError::Missing("log"));
        }
        address("dbManager", &self.db_manager)?;
        match &self.early_stopping {
            Some(stopping) => address("earlyStopping.address", &stopping.address),
            None => Ok(()),
        }
    }
}

fn address(field: &'static str, value: &str) -> Result<(), SidecarConfigError> {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match value.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.contains('/') && is_port(port) => Ok(()),
        _ => Err(SidecarConfigError::Address {
            field,
            value: value.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn least() -> Value {
        json!({
            "version": 1,
            "trial": "tune-a",
            "dbManager": "katib-db-manager.kubeflow:6789",
            "objective": {"type": "maximize", "objectiveMetricName": "acc"},
            "dir": "/diwan",
            "log": "/diwan/log",
        })
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut value = least();
        change(&mut value);
        SidecarConfig::read(&value.to_string())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_not_said_has_defaults() {
        let config = SidecarConfig::read(&least().to_string()).unwrap();
        assert_eq!(config.until, Until::Ended);
        assert!(!config.restarts);
        assert_eq!(config.metrics_collector.kind(), CollectorKind::StdOut);
    }

    #[test]
    fn everything_survives_writing() {
        let mut value = least();
        value["until"] = json!("terminated");
        value["namespace"] = json!("team");
        value["restarts"] = json!(true);
        value["metricsCollector"] = json!({"collector": {"kind": "File"}, "source": {"fileSystemPath": {"path": "/m/log"}}});
        value["earlyStopping"] = json!({
            "address": "tune-medianstop.team:6788",
            "rules": [{"name": "acc", "value": "0.5", "comparison": "less", "startStep": 4}],
            "graceSeconds": 5,
        });
        let config = SidecarConfig::read(&value.to_string()).unwrap();
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(SidecarConfig::read(&written).unwrap(), config);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        assert_eq!(
            refusal(|value| value["version"] = json!(2)),
            "version is 2, and this program reads 1; use the collector that came with the controller"
        );
        let unknown = refusal(|value| value["dirr"] = json!("/x"));
        assert!(unknown.contains("unknown field `dirr`"), "{unknown}");
        assert_eq!(
            refusal(|value| value["log"] = Value::Null),
            "log is missing"
        );
        assert_eq!(
            refusal(|value| value["dbManager"] = json!("http://db:6789/")),
            "dbManager is \"http://db:6789/\"; it must be host:port, such as katib-db-manager.kubeflow:6789"
        );
    }
}
