//! Studies of experiments that come in requests.

use diwan_algorithms::algorithm::SuggestError;
use diwan_algorithms::registry;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::study::{Report, StudySpec};
use diwan_core::defaults::ALGORITHM;
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{ExperimentRecord, Progress, TrialRecord};
use diwan_core::resources::{Experiment, ObjectMeta};
use diwan_core::validate::{validate_initial_trials, validate_search};

use diwan_proto::convert::experiment;
use diwan_proto::katib;

use super::status::in_message;

/// An experiment of a request, read; where the algorithm has no name, it is the one that chooses, as in files.
///
/// # Errors
/// As [`experiment::read`].
pub(super) fn read(message: Option<katib::Experiment>) -> Result<Experiment, Problems> {
    let mut experiment = experiment::read(message)?;
    let algorithm = experiment.spec.algorithm.get_or_insert_default();
    if algorithm.algorithm_name.is_empty() {
        ALGORITHM.clone_into(&mut algorithm.algorithm_name);
    }
    Ok(experiment)
}

/// Path of the specification in a request.
const SPEC: &str = "experiment.spec";
/// Path of the name of the algorithm in a request.
const ALGORITHM_NAME: &str = "experiment.spec.algorithm.algorithm_name";

/// The study that an experiment of a request describes.
///
/// Its seed is the setting `random_state`, or else made of the experiment's name, which is all that the request tells it
/// from others by: whoever asks again, of any replica, gets the same points.
///
/// # Errors
/// When the search space is none, or has not what the experiment begins with.
pub(super) fn spec_of(experiment: &Experiment) -> Result<StudySpec, Problems> {
    let name = &experiment.metadata.name;
    let record = ExperimentRecord {
        metadata: ObjectMeta {
            uid: name.clone(),
            ..ObjectMeta::default()
        },
        spec: experiment.spec.clone(),
        progress: Progress::default(),
    };
    let study = StudySpec::of(&experiment.spec, record.seed());
    let problems = Problems(validate_initial_trials(&experiment.spec));
    study
        .and_then(|study| problems.or(study))
        .map_err(|problems| in_message(SPEC, problems))
}

/// A trial of a request. Requests do not say which suggestion it was.
pub(super) fn report(mut trial: TrialRecord, spec: &StudySpec) -> Report {
    // Most of a request is text, which is not copied.
    let assignments = std::mem::take(&mut trial.assignments);
    let labels = std::mem::take(&mut trial.labels);
    Report {
        number: None,
        assignments,
        labels,
        ..Report::of(&trial, &spec.objective)
    }
}

/// Everything that keeps an algorithm from searching the experiment of a request.
pub(super) fn check(experiment: &Experiment) -> Problems {
    let spec = &experiment.spec;
    let mut problems = in_message(SPEC, Problems(validate_search(spec)));
    let named = spec.algorithm.clone().unwrap_or_default();
    let study = spec_of(experiment);
    match (registry::find(&named.algorithm_name), &study) {
        (Err(unknown), _) => problems
            .0
            .push(Problem::refused(ALGORITHM_NAME, unknown.to_string())),
        (Ok(algorithm), Ok(study)) => {
            let found = algorithm.validate(study).err().unwrap_or_default();
            problems.0.extend(in_message(SPEC, found).0);
        }
        (Ok(algorithm), Err(_)) => {
            let settings = Settings::from(named.algorithm_settings.as_slice());
            let path = "spec.algorithm.algorithmSettings";
            let found = Problems(algorithm.setting_problems(&settings, path));
            problems.0.extend(in_message(SPEC, found).0);
        }
    }
    // An architecture search is right, but nothing that these algorithms search.
    match study {
        Err(found) if problems.0.is_empty() => found,
        _ => problems,
    }
}

/// What an algorithm said to the experiment of a request.
pub(super) fn refusal(error: SuggestError) -> Problems {
    match error {
        SuggestError::Unknown(unknown) => {
            Problems(vec![Problem::refused(ALGORITHM_NAME, unknown.to_string())])
        }
        SuggestError::Invalid(problems) => in_message(SPEC, problems),
    }
}
