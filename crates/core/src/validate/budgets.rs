//! Counts of trials and times.

use crate::problem::Problem;
use crate::resources::ExperimentSpec;

pub(super) fn check(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let mut refuse = |field: &str, value: i64, message: &str| {
        problems.push(Problem::invalid(format!("spec.{field}"), value, message));
    };
    if let Some(failed) = spec.max_failed_trial_count.filter(|count| *count < 0) {
        refuse(
            "maxFailedTrialCount",
            failed.into(),
            "should not be less than 0",
        );
    }
    if let Some(max) = spec.max_trial_count.filter(|count| *count <= 0) {
        refuse("maxTrialCount", max.into(), "must be greater than 0");
    }
    // 0 pauses the experiment.
    if let Some(parallel) = spec.parallel_trial_count.filter(|count| *count < 0) {
        refuse(
            "parallelTrialCount",
            parallel.into(),
            "should not be less than 0",
        );
    }
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| *seconds < 1) {
        refuse("activeDeadlineSeconds", seconds, "must be greater than 0");
    }
    within_the_maximum(spec, problems);
}

fn within_the_maximum(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let Some(max) = spec.max_trial_count.filter(|max| *max > 0) else {
        return;
    };
    let both = [
        ("maxFailedTrialCount", spec.max_failed_trial_count),
        ("parallelTrialCount", spec.parallel_trial_count),
    ];
    for (field, count) in both {
        if let Some(count) = count.filter(|count| *count > max) {
            let message = "should be less than or equal to spec.maxTrialCount";
            problems.push(Problem::invalid(format!("spec.{field}"), count, message));
        }
    }
}
