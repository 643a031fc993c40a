//! Studies of experiments that come in requests.

use diwan_algorithms::algorithm::SuggestError;
use diwan_algorithms::invalid::Invalid;
use diwan_algorithms::registry;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::study::{Report, StudySpec};
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{ExperimentRecord, Progress, TrialRecord};
use diwan_core::resources::{Experiment, ObjectMeta};
use diwan_core::validate::validate_search;

use super::status::{message_path, problems_of};

/// Path of the specification in a request.
const SPEC: &str = "experiment.spec";
/// Path of the name of the algorithm in a request.
const ALGORITHM: &str = "experiment.spec.algorithm.algorithm_name";

/// The study that an experiment of a request describes.
///
/// Its seed is the setting `random_state`, or else made of the experiment's name, which is all that the request tells it
/// from others by: whoever asks again, of any replica, gets the same points.
///
/// # Errors
/// When the search space is none.
pub(super) fn spec_of(experiment: &Experiment) -> Result<StudySpec, Invalid> {
    let name = &experiment.metadata.name;
    let record = ExperimentRecord {
        metadata: ObjectMeta {
            uid: name.clone(),
            ..ObjectMeta::default()
        },
        spec: experiment.spec.clone(),
        progress: Progress::default(),
    };
    StudySpec::of(&experiment.spec, record.seed())
}

/// A trial of a request. Requests do not say which suggestion it was.
pub(super) fn report(trial: &TrialRecord, spec: &StudySpec) -> Report {
    Report {
        number: None,
        ..Report::of(trial, &spec.objective)
    }
}

/// Everything that keeps an algorithm from searching the experiment of a request.
pub(super) fn check(experiment: &Experiment) -> Problems {
    let spec = &experiment.spec;
    let mut problems: Vec<Problem> = validate_search(spec).into_iter().map(in_message).collect();
    let study = spec_of(experiment);
    let named = spec.algorithm.clone().unwrap_or_default();
    match (registry::find(&named.algorithm_name), &study) {
        (Err(unknown), _) => problems.push(Problem::refused(ALGORITHM, unknown.to_string())),
        (Ok(algorithm), Ok(study)) => {
            let verdict = algorithm.validate(study);
            problems.extend(
                verdict
                    .err()
                    .iter()
                    .flat_map(|invalid| problems_of(invalid, SPEC)),
            );
        }
        (Ok(algorithm), Err(_)) => {
            let mut invalid = Invalid::default();
            let settings = Settings::from(named.algorithm_settings.as_slice());
            settings.check(
                algorithm.settings(),
                "algorithm.algorithmSettings",
                &mut invalid,
            );
            problems.extend(problems_of(&invalid, SPEC));
        }
    }
    // Core and the algorithms judge spaces by the same rules; should they ever differ, nothing passes unnoticed.
    if let (true, Err(invalid)) = (problems.is_empty(), &study) {
        problems.extend(problems_of(invalid, SPEC));
    }
    Problems(problems)
}

/// What an algorithm said to the experiment of a request.
pub(super) fn refusal(error: &SuggestError) -> Problems {
    Problems(match error {
        SuggestError::Unknown(unknown) => vec![Problem::refused(ALGORITHM, unknown.to_string())],
        SuggestError::Invalid(invalid) => problems_of(invalid, SPEC),
    })
}

/// A problem of a resource as one of the request.
fn in_message(problem: Problem) -> Problem {
    let field = problem.path.strip_prefix("spec").unwrap_or(&problem.path);
    let field = field.strip_prefix('.').unwrap_or(field);
    Problem {
        path: message_path(SPEC, field),
        ..problem
    }
}
