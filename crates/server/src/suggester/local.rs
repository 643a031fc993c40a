//! The optimizers of this program.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use diwan_algorithms::algorithm::{History, More, SuggestError as Refusal, Suggested};
use diwan_algorithms::settings::Settings;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_algorithms::{registry, stopping};
use diwan_core::engine::{Point, Snapshot};
use diwan_core::record::{ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::{
    AlgorithmSetting, EarlyStoppingRule, EarlyStoppingSpec, ExperimentSpec,
};
use diwan_store::{FoundTrial, ObservationQuery, Store, StoreError, TrialQuery};
use tokio::sync::Mutex;

use super::{Next, SuggestError, Suggester, Suggestions};
use crate::grpc::reports;

/// Studies that are kept warm; the rest is read again when asked for.
const WARM: usize = 64;
/// Points that are made at once; more take time that others wait for.
const AT_ONCE: u64 = 100;
/// Reports of the objective that are read of a trial for stopping rules.
const REPORTS: usize = 1000;

/// Asks the optimizers of this program about experiments of a store.
///
/// Studies are kept in memory and brought up to date by what has changed since; dropping them changes no answer.
pub struct LocalSuggester {
    store: Arc<dyn Store>,
    warm: std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Warm>>>>>,
}

/// A study and what of it may still change.
struct Warm {
    study: Study,
    last: Option<u64>,
    open: HashSet<String>,
}

impl Warm {
    fn new(spec: StudySpec) -> Self {
        Self {
            study: Study::new(spec, 0),
            last: None,
            open: HashSet::new(),
        }
    }
}

#[async_trait]
impl Suggester for LocalSuggester {
    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError> {
        let spec = study_spec(experiment)?;
        registry::admit(&spec).map_err(|error| refused(&error))?;
        let empty = Study::new(spec, 0);
        rules(experiment.spec.early_stopping.as_ref(), &empty).map_err(|error| refused(&error))?;
        Ok(())
    }

    async fn suggest(&self, snapshot: &Snapshot, count: u64) -> Result<Suggestions, SuggestError> {
        let spec = study_spec(&snapshot.record)?;
        let whole = learns(&snapshot.record.spec, &spec)?;
        let early_stopping = snapshot.record.spec.early_stopping.clone();
        let work = move |study: &Study| {
            let suggested = registry::suggest(study, many(count))?;
            Ok((suggested, rules(early_stopping.as_ref(), study)?))
        };
        let answer = self.with_study(snapshot, spec, whole, work).await?;
        let (suggested, rules) = answer.map_err(|error| refused(&error))?;
        Ok(with_rules(suggested, &rules))
    }

    fn suggest_at_once(&self, snapshot: &Snapshot, count: u64) -> Option<Suggestions> {
        let spec = study_spec(&snapshot.record).ok()?;
        if count > AT_ONCE || learns(&snapshot.record.spec, &spec).ok()? {
            return None;
        }
        let suggested = registry::suggest(&active_study(snapshot, spec), many(count)).ok()?;
        Some(suggested.into())
    }
}

impl LocalSuggester {
    /// Over the experiments of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            warm: std::sync::Mutex::new(HashMap::new()),
        }
    }

    /// The stopping rules for a trial that is made now.
    pub(super) async fn rules(
        &self,
        snapshot: &Snapshot,
    ) -> Result<Vec<EarlyStoppingRule>, SuggestError> {
        let Some(early_stopping) = snapshot.record.spec.early_stopping.clone() else {
            return Ok(Vec::new());
        };
        let spec = study_spec(&snapshot.record)?;
        let work = move |study: &Study| rules(Some(&early_stopping), study);
        self.with_study(snapshot, spec, true, work)
            .await?
            .map_err(|error| refused(&error))
    }

    /// Does some work with the study of an experiment, on a thread for such work, so that a slow optimizer keeps nobody else
    /// waiting. A study that is not `whole` has active trials only.
    async fn with_study<T: Send + 'static>(
        &self,
        snapshot: &Snapshot,
        spec: StudySpec,
        whole: bool,
        work: impl FnOnce(&Study) -> T + Send + 'static,
    ) -> Result<T, SuggestError> {
        let broke_down = |error| SuggestError::Failed(format!("the optimizer broke down: {error}"));
        if !whole {
            let study = active_study(snapshot, spec);
            return tokio::task::spawn_blocking(move || work(&study))
                .await
                .map_err(broke_down);
        }
        let slot = self.slot(&snapshot.record.metadata.uid);
        let mut warm = slot.lock().await;
        let mut current = warm.take().unwrap_or_else(|| Warm::new(spec.clone()));
        self.bring_up_to_date(&mut current, snapshot, spec)
            .await
            .map_err(failed)?;
        let done = tokio::task::spawn_blocking(move || (work(&current.study), current)).await;
        let (answer, current) = done.map_err(broke_down)?;
        *warm = Some(current);
        Ok(answer)
    }

    fn slot(&self, uid: &str) -> Arc<Mutex<Option<Warm>>> {
        let mut warm = self
            .warm
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if warm.len() >= WARM && !warm.contains_key(uid) {
            warm.clear();
        }
        warm.entry(uid.to_owned()).or_default().clone()
    }

    /// Records new trials, and those that were open when the study was looked at last.
    async fn bring_up_to_date(
        &self,
        warm: &mut Warm,
        snapshot: &Snapshot,
        spec: StudySpec,
    ) -> Result<(), StoreError> {
        let key = snapshot.record.key();
        for name in warm.open.clone() {
            if let Some(trial) = self.store.trial(&key, &name).await? {
                self.record(warm, snapshot, &spec, &trial).await?;
            }
        }
        loop {
            let query = TrialQuery {
                after: warm.last,
                ..TrialQuery::of(key.clone())
            };
            let page = self.store.trials(&query).await?;
            for trial in &page {
                self.record(warm, snapshot, &spec, trial).await?;
                warm.last = Some(trial.number);
            }
            if page.is_empty() {
                break;
            }
        }
        warm.study.spec = spec;
        warm.study.next = snapshot.record.progress.counts.trials;
        Ok(())
    }

    async fn record(
        &self,
        warm: &mut Warm,
        snapshot: &Snapshot,
        spec: &StudySpec,
        trial: &TrialRecord,
    ) -> Result<(), StoreError> {
        if trial.state.is_active() {
            warm.open.insert(trial.name.clone());
        } else {
            warm.open.remove(&trial.name);
        }
        let mut report = Report::of(trial, &spec.objective);
        if snapshot.record.spec.early_stopping.is_some() && trial.state == TrialState::Succeeded {
            report.intermediate = self.intermediate(snapshot, spec, trial).await?;
        }
        if warm.study.record(report).is_err() {
            warm.study.misfits += 1;
        }
        Ok(())
    }

    /// The first reports of a trial's objective: (step or number of the report, value).
    async fn intermediate(
        &self,
        snapshot: &Snapshot,
        spec: &StudySpec,
        trial: &TrialRecord,
    ) -> Result<Vec<(i64, f64)>, StoreError> {
        let found = FoundTrial {
            experiment: snapshot.record.key(),
            uid: snapshot.record.metadata.uid.clone(),
            trial: trial.clone(),
        };
        let metric = Some(spec.objective.metric.clone());
        let query = ObservationQuery {
            metric,
            ..ObservationQuery::of(found.reference())
        };
        let points = reports::all(&*self.store, query).await?;
        Ok(reports::first_values(&points, REPORTS))
    }
}

/// Whether suggestions, or stopping rules, depend on trials that have ended.
fn learns(experiment: &ExperimentSpec, spec: &StudySpec) -> Result<bool, SuggestError> {
    let algorithm = registry::find(&spec.algorithm);
    let algorithm = algorithm.map_err(|error| SuggestError::Refused(error.to_string()))?;
    Ok(experiment.early_stopping.is_some() || algorithm.history(spec) != History::None)
}

/// The study of the active trials alone.
fn active_study(snapshot: &Snapshot, spec: StudySpec) -> Study {
    let next = snapshot.record.progress.counts.trials;
    let reports: Vec<Report> = snapshot
        .active
        .values()
        .map(|trial| Report::of(trial, &spec.objective))
        .collect();
    Study::of(spec, Some(next), reports)
}

fn many(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn rules(
    early_stopping: Option<&EarlyStoppingSpec>,
    study: &Study,
) -> Result<Vec<EarlyStoppingRule>, Refusal> {
    let Some(rule) = early_stopping else {
        return Ok(Vec::new());
    };
    stopping::rules(
        &rule.algorithm_name,
        &Settings::from(rule.algorithm_settings.as_slice()),
        study,
    )
}

impl From<Suggested> for Suggestions {
    fn from(suggested: Suggested) -> Self {
        let points = suggested.points.into_iter().map(|point| Point {
            name: point.name.unwrap_or_default(),
            assignments: point.assignments,
            labels: point.labels,
            rules: Vec::new(),
        });
        Self {
            points: points.collect(),
            settings: suggested.settings,
            next: match suggested.more {
                More::Yes => Next::Ready,
                More::NotYet { why } => Next::Waiting { why },
                More::Exhausted => Next::Exhausted,
            },
        }
    }
}

fn with_rules(suggested: Suggested, rules: &[EarlyStoppingRule]) -> Suggestions {
    let mut suggestions = Suggestions::from(suggested);
    for point in &mut suggestions.points {
        point.rules = rules.to_vec();
    }
    suggestions
}

/// What the optimizer searches: the experiment's specification with the settings that it stored over it.
fn study_spec(experiment: &ExperimentRecord) -> Result<StudySpec, SuggestError> {
    let mut spec = Cow::Borrowed(&experiment.spec);
    for stored in &experiment.progress.algorithm_settings {
        if let Some(algorithm) = &mut spec.to_mut().algorithm {
            set(&mut algorithm.algorithm_settings, stored);
        }
    }
    StudySpec::of(&spec, experiment.seed()).map_err(|problems| refused(&problems.into()))
}

fn set(settings: &mut Vec<AlgorithmSetting>, stored: &AlgorithmSetting) {
    match settings
        .iter_mut()
        .find(|setting| setting.name == stored.name)
    {
        Some(setting) => setting.value.clone_from(&stored.value),
        None => settings.push(stored.clone()),
    }
}

fn refused(error: &Refusal) -> SuggestError {
    SuggestError::Refused(error.to_string())
}

fn failed(error: StoreError) -> SuggestError {
    SuggestError::Failed(error.to_string())
}
