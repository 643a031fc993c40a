//! Messages that several tests send.

use diwan_proto::katib::experiment_spec::ParameterSpecs;
use diwan_proto::katib::{
    AlgorithmSpec, EarlyStoppingSetting, EarlyStoppingSpec, Experiment, ExperimentSpec,
    FeasibleSpace, Metric, MetricLog, ObjectiveSpec, ObjectiveType, Observation, ObservationLog,
    ParameterAssignment, ParameterSpec, ParameterType, ReportObservationLogRequest, Trial,
    TrialSpec, TrialStatus, trial_spec, trial_status::TrialConditionType,
};

/// `loss` is minimised over `x` from 0 to 1.
pub(super) fn experiment(algorithm: &str) -> Experiment {
    let space = FeasibleSpace {
        min: "0".into(),
        max: "1".into(),
        ..FeasibleSpace::default()
    };
    let x = ParameterSpec {
        name: "x".into(),
        parameter_type: ParameterType::Double.into(),
        feasible_space: Some(space),
        condition: None,
    };
    let objective = ObjectiveSpec {
        r#type: ObjectiveType::Minimize.into(),
        objective_metric_name: "loss".into(),
        ..ObjectiveSpec::default()
    };
    let algorithm = AlgorithmSpec {
        algorithm_name: algorithm.into(),
        algorithm_settings: Vec::new(),
    };
    let spec = ExperimentSpec {
        parameter_specs: Some(ParameterSpecs {
            parameters: vec![x],
        }),
        objective: Some(objective),
        algorithm: Some(algorithm),
        ..ExperimentSpec::default()
    };
    Experiment {
        name: "foreign".into(),
        spec: Some(spec),
    }
}

/// `medianstop` with one setting.
pub(super) fn median_stop(name: &str, value: &str) -> EarlyStoppingSpec {
    let setting = EarlyStoppingSetting {
        name: name.into(),
        value: value.into(),
    };
    EarlyStoppingSpec {
        algorithm_name: "medianstop".into(),
        algorithm_settings: vec![setting],
    }
}

/// A trial that somebody else has made, succeeded.
pub(super) fn trial(name: &str, x: &str) -> Trial {
    let assignments = vec![ParameterAssignment {
        name: "x".into(),
        value: x.into(),
    }];
    let spec = TrialSpec {
        parameter_assignments: Some(trial_spec::ParameterAssignments { assignments }),
        ..TrialSpec::default()
    };
    let status = TrialStatus {
        condition: TrialConditionType::Succeeded.into(),
        observation: Some(Observation {
            metrics: vec![metric("loss", "0.5")],
        }),
        ..TrialStatus::default()
    };
    Trial {
        name: name.into(),
        spec: Some(spec),
        status: Some(status),
    }
}

/// A report of `loss`: a value each second.
pub(super) fn losses(trial: &str, values: &[&str]) -> ReportObservationLogRequest {
    let row = |(second, value): (usize, &&str)| MetricLog {
        time_stamp: format!("2024-03-04T10:00:{second:02}Z"),
        metric: Some(metric("loss", value)),
    };
    let metric_logs = values.iter().enumerate().map(row).collect();
    ReportObservationLogRequest {
        trial_name: trial.into(),
        observation_log: Some(ObservationLog { metric_logs }),
    }
}

fn metric(name: &str, value: &str) -> Metric {
    Metric {
        name: name.into(),
        value: value.into(),
    }
}
