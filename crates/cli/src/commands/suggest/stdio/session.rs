//! A study, and the trials that were asked for.

use std::collections::{BTreeMap, HashMap};

use diwan_algorithms::algorithm::SuggestedPoint;
use diwan_algorithms::registry;
use diwan_algorithms::stopping::Curve;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_core::record::TrialState;
use diwan_core::resources::{
    AlgorithmSetting, MetricStrategyType, ObjectiveType, ParameterAssignment, ParameterSpec,
};

use super::parameters::{self, Parameter};
use super::reply::{Asked, Reply};
use super::request::{Direction, New, Observed, Progress, Request};
use super::stops::{self, Said, Stops};

/// Points that one request may ask for.
const AT_ONCE: usize = 100_000;

/// What was begun, if anything was.
#[derive(Default)]
pub(super) struct Session {
    current: Option<Current>,
}

struct Current {
    space: Vec<Parameter>,
    study: Study,
    /// The study's, and the state that the algorithm added.
    settings: Vec<AlgorithmSetting>,
    running: HashMap<u64, Running>,
    stops: Stops,
}

/// What must be said again when a trial moves on.
#[derive(Clone)]
struct Running {
    assignments: Vec<ParameterAssignment>,
    labels: BTreeMap<String, String>,
    /// What it has reported; nothing while it runs.
    curve: Curve,
}

impl Session {
    /// Serves a request.
    ///
    /// # Errors
    /// Why it cannot be served; nothing has changed then, except that of several trials those before the wrong one are kept.
    pub(super) fn answer(&mut self, request: Request) -> Result<Reply, String> {
        if let Request::New(new) = request {
            let current = self.current.insert(Current::new(new)?);
            return Ok(Reply::begun(&current.study.spec.algorithm));
        }
        let begun = self.current.as_mut();
        let current = match (begun, &request) {
            (_, Request::Close {}) => return Ok(Reply::DONE),
            (None, _) => return Err("no study has begun; the first request is \"new\"".to_owned()),
            (Some(current), _) => current,
        };
        match request {
            Request::Ask { n } => current.ask(n),
            Request::Tell(told) => {
                let (state, value) = told.outcome()?;
                current.end(told.id, state, value)
            }
            Request::Observe { trials } => current.observe(&trials),
            Request::Report(progress) => current.report(&progress),
            Request::Prune(progress) => {
                current.end(progress.id, TrialState::EarlyStopped, progress.value)
            }
            Request::New(_) | Request::Close {} => Ok(Reply::DONE),
        }
    }
}

impl Current {
    fn new(mut new: New) -> Result<Self, String> {
        if new.objectives != 1 {
            return Err(format!("{} objectives; one is supported", new.objectives));
        }
        let parameters: Vec<ParameterSpec> = new.space.iter().map(Parameter::spec).collect();
        let spec = StudySpec::new(&parameters, &new.algorithm);
        let mut spec = spec.map_err(|problems| problems.to_string().replace('\n', "; "))?;
        spec.objective.kind = match new.direction.only()? {
            Direction::Minimize => ObjectiveType::Minimize,
            Direction::Maximize => ObjectiveType::Maximize,
        };
        // Trials are told with the value that counts.
        spec.objective.strategy = MetricStrategyType::Latest;
        spec.objective.metric = "value".to_owned();
        let said = Said::take(&mut new.settings)?;
        let settings = stops::settings(new.settings);
        spec.settings = settings.as_slice().into();
        spec.seed = new.seed.cast_unsigned();
        spec.parallel = new.parallel;
        spec.max_trials = new.max_trials;
        let algorithm = registry::validate(&spec).map_err(|error| error.to_string())?;
        Ok(Self {
            stops: Stops::new(said.rule(algorithm, &spec)),
            space: new.space,
            study: Study::new(spec, 0),
            settings,
            running: HashMap::new(),
        })
    }

    fn ask(&mut self, count: usize) -> Result<Reply, String> {
        if count > AT_ONCE {
            return Err(format!("n is {count}; at most {AT_ONCE} come at once"));
        }
        let suggested = registry::suggest(&self.study, count).map_err(|error| error.to_string())?;
        if !suggested.settings.is_empty() {
            self.settings.extend(suggested.settings);
            self.study.spec.settings = self.settings.as_slice().into();
        }
        let points = suggested.points.into_iter();
        let trials = points
            .map(|point| self.begin(point))
            .collect::<Result<_, _>>()?;
        Ok(Reply::trials(trials, suggested.more))
    }

    /// Enters the next suggestion.
    fn begin(&mut self, point: SuggestedPoint) -> Result<Asked, String> {
        let id = self.study.next;
        let params = parameters::params(&self.space, &point.assignments);
        let running = Running {
            assignments: point.assignments,
            labels: point.labels,
            curve: Curve::default(),
        };
        let recorded = running.clone();
        recorded.record(&mut self.study, id, TrialState::Running, None)?;
        self.study.next += 1;
        self.running.insert(id, running);
        Ok(Asked { id, params })
    }

    fn end(&mut self, id: u64, state: TrialState, value: Option<f64>) -> Result<Reply, String> {
        let mut running = self.running.remove(&id).ok_or_else(|| unknown(id))?;
        running.curve = self.stops.end(id, state);
        running.record(&mut self.study, id, state, value)?;
        Ok(Reply::DONE)
    }

    fn report(&mut self, progress: &Progress) -> Result<Reply, String> {
        let id = progress.id;
        let running = self.running.get(&id).ok_or_else(|| unknown(id))?.clone();
        running.record(&mut self.study, id, TrialState::Running, progress.value)?;
        let objective = &self.study.spec.objective;
        let why = self.stops.report(objective, progress);
        Ok(Reply::verdict(why))
    }

    fn observe(&mut self, trials: &[Observed]) -> Result<Reply, String> {
        for (index, trial) in trials.iter().enumerate() {
            let wrong = |why: String| format!("trials[{index}]: {why}");
            let (state, value) = trial.outcome().map_err(wrong)?;
            let report = Report {
                value,
                ..Report::new(parameters::assignments(&trial.params), state)
            };
            let recorded = self.study.record(report);
            recorded.map_err(|misfit| wrong(misfit.to_string()))?;
        }
        Ok(Reply::DONE)
    }
}

impl Running {
    fn record(
        self,
        study: &mut Study,
        id: u64,
        state: TrialState,
        value: Option<f64>,
    ) -> Result<(), String> {
        let report = Report {
            number: Some(id),
            name: id.to_string(),
            value,
            labels: self.labels,
            curve: self.curve,
            ..Report::new(self.assignments, state)
        };
        study.record(report).map_err(|misfit| misfit.to_string())
    }
}

fn unknown(id: u64) -> String {
    format!("trial {id} does not run: it was not asked for, or has ended")
}
