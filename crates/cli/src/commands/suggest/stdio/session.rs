//! A study, and the trials that were asked for.

use std::collections::HashSet;

use diwan_algorithms::algorithm::{SuggestError, Suggested, SuggestedPoint};
use diwan_algorithms::registry;
use diwan_algorithms::stopping::Curve;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_core::record::TrialState;
use diwan_core::resources::{AlgorithmSetting, MetricStrategyType, ObjectiveType, ParameterSpec};

use super::parameters::{self, Parameter};
use super::reply::{Asked, Reply};
use super::request::{Direction, New, Observed, Progress, Request};
use super::stops::{self, Said, Stops};

/// Points that one request may ask for.
const AT_ONCE: usize = 100_000;

/// The largest number of a trial, which every program that speaks JSON can read.
const LARGEST: u64 = 1 << 53;

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
    running: HashSet<u64>,
    /// Numbers of all trials.
    known: HashSet<u64>,
    /// Whether some of them came from elsewhere.
    has_observed: bool,
    stops: Stops,
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
            Request::Observe { trials } => current.observe(trials),
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
            running: HashSet::new(),
            known: HashSet::new(),
            has_observed: false,
        })
    }

    fn ask(&mut self, count: usize) -> Result<Reply, String> {
        if count > AT_ONCE {
            return Err(format!("n is {count}; at most {AT_ONCE} come at once"));
        }
        let suggested = self.suggest(count).map_err(|error| error.to_string())?;
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

    /// Who has told of trials from elsewhere may not have told of all that were suggested there.
    fn suggest(&mut self, count: usize) -> Result<Suggested, SuggestError> {
        if self.has_observed {
            registry::suggest_unseen(&mut self.study, count)
        } else {
            registry::suggest(&self.study, count)
        }
    }

    /// Enters the next suggestion.
    fn begin(&mut self, point: SuggestedPoint) -> Result<Asked, String> {
        let id = self.study.next;
        let params = parameters::params(&self.space, &point.assignments);
        let labels = point.labels.clone();
        self.record(Report {
            number: Some(id),
            labels: point.labels,
            ..Report::new(point.assignments, TrialState::Running)
        })?;
        self.study.next += 1;
        self.known.insert(id);
        self.running.insert(id);
        Ok(Asked { id, params, labels })
    }

    fn end(&mut self, id: u64, state: TrialState, value: Option<f64>) -> Result<Reply, String> {
        if !self.running.remove(&id) {
            return Err(unknown(id));
        }
        let curve = self.stops.end(id, state);
        self.study.update(&id.to_string(), state, value, curve);
        Ok(Reply::DONE)
    }

    fn report(&mut self, progress: &Progress) -> Result<Reply, String> {
        let id = progress.id;
        if !self.running.contains(&id) {
            return Err(unknown(id));
        }
        let (state, curve) = (TrialState::Running, Curve::default());
        self.study
            .update(&id.to_string(), state, progress.value, curve);
        let objective = &self.study.spec.objective;
        let why = self.stops.report(objective, progress);
        Ok(Reply::verdict(why))
    }

    fn observe(&mut self, trials: Vec<Observed>) -> Result<Reply, String> {
        for (index, trial) in trials.into_iter().enumerate() {
            let taken = self.take(trial);
            taken.map_err(|why| format!("trials[{index}]: {why}"))?;
        }
        Ok(Reply::DONE)
    }

    /// Enters a trial of elsewhere, as if it had been asked for here.
    fn take(&mut self, trial: Observed) -> Result<(), String> {
        let (state, value) = trial.outcome()?;
        let id = self.number_of(&trial, state)?;
        let assignments = parameters::assignments(&trial.params);
        let point = self.study.space().point(&assignments);
        point.map_err(|misfit| misfit.to_string())?;
        self.stops.recall(id, &trial.reports);
        let curve = match state.is_active() {
            true => Curve::default(),
            false => self.stops.end(id, state),
        };
        if state.is_active() {
            self.running.insert(id);
        }
        self.record(Report {
            number: Some(id),
            value,
            labels: trial.labels,
            curve,
            ..Report::new(assignments, state)
        })?;
        self.known.insert(id);
        self.has_observed = true;
        self.study.made_at_least(id + 1);
        Ok(())
    }

    /// Enters a trial, by its number.
    fn record(&mut self, report: Report) -> Result<(), String> {
        let name = report.number.unwrap_or_default().to_string();
        let recorded = self.study.record(Report { name, ..report });
        recorded.map_err(|misfit| misfit.to_string())
    }

    /// The number of a trial of elsewhere: that which it has, or else the next one.
    fn number_of(&self, trial: &Observed, state: TrialState) -> Result<u64, String> {
        match trial.id {
            Some(id) if id > LARGEST => Err(format!("id is {id}; it may be at most {LARGEST}")),
            Some(id) if self.known.contains(&id) => Err(format!(
                "trial {id} is known: it was asked for here, or observed before"
            )),
            Some(id) => Ok(id),
            None if state.is_active() => Err(r#"a trial that runs needs its "id""#.to_owned()),
            None => Ok(self.study.next),
        }
    }
}

fn unknown(id: u64) -> String {
    format!("trial {id} does not run: it was not asked for, or has ended")
}

#[cfg(test)]
mod tests;
