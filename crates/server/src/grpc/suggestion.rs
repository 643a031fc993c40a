//! `api.v1.beta1.Suggestion`: points for experiments that Diwan does not keep.
//!
//! Every request carries the whole history, whoever made its trials, and the answer is a function of the request.
//!
//! Katib's protocol has neither an end of a search nor "not yet", and Katib's controller refuses any number of points but
//! the one it asked for; errors it repeats with a growing pause. So when there are fewer points than were asked for, the
//! answer is an error that says so and that no caller can mistake: OUT_OF_RANGE with metadata of its own when the search is
//! exhausted (a caller can ask for the few that are left), ABORTED when a running trial must end first. An experiment that would wait for ever for
//! points that do not exist is stopped before it begins: `ValidateAlgorithmSettings` refuses a `max_trial_count` above the
//! number of points for every algorithm, as Katib does for grids.

use diwan_algorithms::algorithm::{More, Suggested};
use diwan_algorithms::registry;
use diwan_algorithms::study::Study;
use diwan_core::engine::Point;
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::TrialRecord;
use diwan_core::resources::Experiment;
use diwan_proto::convert::{suggestions, trials};
use diwan_proto::katib;
use diwan_proto::katib::suggestion_server::Suggestion;
use tonic::{Code, Request, Response, Status};

use super::status;
use super::study::{self, check, refusal, report, spec_of};

/// Most points of one request.
const MAX_POINTS: i32 = 10_000;

/// The service.
pub(super) struct SuggestionService;

#[tonic::async_trait]
impl Suggestion for SuggestionService {
    async fn get_suggestions(
        &self,
        request: Request<katib::GetSuggestionsRequest>,
    ) -> Result<Response<katib::GetSuggestionsReply>, Status> {
        let work = move || answer(request.into_inner());
        let reply = tokio::task::spawn_blocking(work).await;
        reply
            .map_err(|error| status::broke_down(&error))?
            .map(Response::new)
    }

    async fn validate_algorithm_settings(
        &self,
        request: Request<katib::ValidateAlgorithmSettingsRequest>,
    ) -> Result<Response<katib::ValidateAlgorithmSettingsReply>, Status> {
        let experiment = study::read(request.into_inner().experiment)
            .map_err(|problems| status::invalid(&problems))?;
        let mut problems = check(&experiment);
        problems.0.extend(too_few_points(&experiment));
        problems
            .or(())
            .map_err(|problems| status::invalid(&problems))?;
        Ok(Response::new(katib::ValidateAlgorithmSettingsReply {}))
    }
}

fn answer(request: katib::GetSuggestionsRequest) -> Result<katib::GetSuggestionsReply, Status> {
    let (experiment, history) =
        read(request.experiment, request.trials).map_err(|problems| status::invalid(&problems))?;
    let count = count(request.current_request_number)?;
    let spec = spec_of(&experiment).map_err(|problems| status::invalid(&problems))?;
    // A request that does not tell, or has more trials than that because others than this service suggested some, goes by its
    // trials: at most as many as were suggested.
    let before = request
        .total_request_number
        .saturating_sub(request.current_request_number);
    let reports: Vec<_> = history
        .into_iter()
        .map(|trial| report(trial, &spec))
        .collect();
    let mut study = Study::of(spec, None, reports);
    study.made_at_least(u64::try_from(before).unwrap_or(0));
    let suggested = registry::suggest_unseen(&mut study, count)
        .map_err(|error| status::invalid(&refusal(error)))?;
    let points =
        enough(suggested.points.len(), count, &suggested.more).map(|()| points(&suggested))?;
    Ok(suggestions::write(
        &points,
        &study.spec.algorithm,
        &suggested.settings,
    ))
}

fn read(
    message: Option<katib::Experiment>,
    history: Vec<katib::Trial>,
) -> Result<(Experiment, Vec<TrialRecord>), Problems> {
    match (study::read(message), trials::read(history)) {
        (Ok(experiment), Ok(trials)) => Ok((experiment, trials)),
        (Err(mut problems), Err(more)) => {
            problems.0.extend(more.0);
            Err(problems)
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
    }
}

fn count(requested: i32) -> Result<usize, Status> {
    let in_range = (0..=MAX_POINTS).contains(&requested);
    usize::try_from(requested)
        .ok()
        .filter(|_| in_range)
        .ok_or_else(|| {
            let message = format!("must be from 0 to {MAX_POINTS}");
            status::invalid_field(Problem::invalid(
                "current_request_number",
                requested,
                message,
            ))
        })
}

fn enough(found: usize, count: usize, more: &More) -> Result<(), Status> {
    match more {
        _ if found >= count => Ok(()),
        More::NotYet { why } => Err(status::status(Code::Aborted, format!("not yet: {why}"))),
        More::Yes | More::Exhausted => {
            let message = format!(
                "search exhausted: {found} points are left of {count} that were asked for; lower max_trial_count to end \
                 the experiment"
            );
            let mut exhausted = status::status(Code::OutOfRange, message);
            suggestions::mark_exhausted(&mut exhausted);
            Err(exhausted)
        }
    }
}

fn points(suggested: &Suggested) -> Vec<Point> {
    let point = |point: &diwan_algorithms::algorithm::SuggestedPoint| Point {
        name: point.name.clone().unwrap_or_default(),
        assignments: point.assignments.clone(),
        rules: Vec::new(),
        labels: point.labels.clone(),
    };
    suggested.points.iter().map(point).collect()
}

/// A search that ends before the experiment does: no algorithm tries a point twice.
fn too_few_points(experiment: &Experiment) -> Option<Problem> {
    let message = spec_of(experiment).ok()?.too_few_points()?;
    Some(Problem::refused("experiment.spec.max_trial_count", message))
}
