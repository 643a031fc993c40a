//! The optimizers of this program.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_algorithms::algorithm::{
    History, More, SuggestError as Refusal, Suggested, SuggestedPoint,
};
use diwan_algorithms::registry;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_core::engine::{Point, Snapshot};
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::AlgorithmSetting;
use diwan_store::{Store, StoreError, TrialRef};

use super::changes::Changes;
use super::curve::curve;
use super::rules::{Rules, stopping};
use super::warm::Warm;
use super::{Next, SuggestError, Suggester, Suggestions};

/// Points that are made at once; more take time that others wait for.
const AT_ONCE: u64 = 100;
/// Asks the optimizers of this program about experiments of a store.
///
/// Studies are kept in memory and brought up to date by what has changed since; dropping them changes no answer.
pub struct LocalSuggester {
    store: Arc<dyn Store>,
    rules: Rules,
    warm: Warm<Current>,
}

/// A study, and how far its trials were read.
struct Current {
    study: Study,
    changes: Changes,
}

impl Current {
    fn new(spec: StudySpec) -> Self {
        Self {
            study: Study::new(spec, 0),
            changes: Changes::default(),
        }
    }
}

#[async_trait]
impl Suggester for LocalSuggester {
    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError> {
        let spec = study_spec(experiment)?;
        registry::admit(&spec).map_err(|error| refused(&error))?;
        Rules::validate(experiment)
    }

    async fn suggest(&self, snapshot: &Snapshot, count: u64) -> Result<Suggestions, SuggestError> {
        let spec = study_spec(&snapshot.record)?;
        let whole = learns(&spec)?;
        let rules = self.rules.now(snapshot).await?;
        let work = move |study: &Study| registry::suggest(study, many(count));
        let answer = self.with_study(snapshot, spec, whole, work).await?;
        let suggested = answer.map_err(|error| refused(&error))?;
        Ok(Suggestions::from(suggested).with_rules(&rules))
    }

    fn suggest_at_once(&self, snapshot: &Snapshot, count: u64) -> Option<Suggestions> {
        let wanted = &snapshot.record.spec;
        let needs_more = wanted.early_stopping.is_some() || !wanted.initial_trials.is_empty();
        if count > AT_ONCE || needs_more {
            return None;
        }
        let spec = study_spec(&snapshot.record).ok()?;
        if learns(&spec).ok()? {
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
            rules: Rules::new(store.clone()),
            store,
            warm: Warm::default(),
        }
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
        if !whole {
            let study = active_study(snapshot, spec);
            return tokio::task::spawn_blocking(move || work(&study))
                .await
                .map_err(broke_down);
        }
        let slot = self.warm.slot(&snapshot.record.metadata.uid);
        let mut warm = slot.lock().await;
        let mut current = warm.take().unwrap_or_else(|| Current::new(spec.clone()));
        self.bring_up_to_date(&mut current, snapshot, spec)
            .await
            .map_err(failed)?;
        let done = tokio::task::spawn_blocking(move || (work(&current.study), current)).await;
        let (answer, current) = done.map_err(broke_down)?;
        *warm = Some(current);
        Ok(answer)
    }

    /// Records new trials, and those that were active when the study was looked at last.
    async fn bring_up_to_date(
        &self,
        current: &mut Current,
        snapshot: &Snapshot,
        spec: StudySpec,
    ) -> Result<(), StoreError> {
        let (store, key) = (&*self.store, snapshot.record.key());
        let Current { study, changes } = current;
        let curves = sees_curves(&snapshot.record, &spec);
        let mut trials = changes.of_active(store, &key).await?;
        loop {
            for trial in &trials {
                let mut report = Report::of(trial, &spec.objective);
                if curves && !trial.state.is_active() {
                    let trial = TrialRef::new(&snapshot.record, trial);
                    report.curve = curve(store, trial, &spec.objective.metric).await?;
                }
                study.record_if_it_fits(report);
            }
            trials = changes.new_ones(store, &key).await?;
            if trials.is_empty() {
                break;
            }
        }
        study.spec = spec;
        study.set_made(snapshot.record.progress.counts.trials);
        Ok(())
    }
}

/// Whether suggestions depend on trials that have ended.
fn learns(spec: &StudySpec) -> Result<bool, SuggestError> {
    let algorithm = registry::find(&spec.algorithm);
    let algorithm = algorithm.map_err(|error| SuggestError::Refused(error.to_string()))?;
    Ok(algorithm.history(spec) != History::None || !spec.initial.is_empty())
}

/// Whether suggestions depend on what trials have reported on the way: where none is stopped early, its result says it all.
fn sees_curves(experiment: &ExperimentRecord, spec: &StudySpec) -> bool {
    let needs = registry::find(&spec.algorithm).is_ok_and(|one| one.needs_curves(spec));
    needs && stopping(experiment).is_some()
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

impl From<Suggested> for Suggestions {
    fn from(suggested: Suggested) -> Self {
        Self {
            points: suggested.points.into_iter().map(point).collect(),
            settings: suggested.settings,
            next: match suggested.more {
                More::Yes => Next::Ready,
                More::NotYet { why } => Next::Waiting { why },
                More::Exhausted => Next::Exhausted,
            },
        }
    }
}

/// A point as a trial gets it.
fn point(suggested: SuggestedPoint) -> Point {
    Point {
        name: suggested.name.unwrap_or_default(),
        assignments: suggested.assignments,
        labels: suggested.labels,
        rules: Vec::new(),
    }
}

/// The points that the experiment gives and no trial has, at most `count`. Their optimizer, wherever it lives, is not asked
/// while there are some.
pub(super) fn given(record: &ExperimentRecord, count: u64) -> Result<Vec<Point>, SuggestError> {
    if record.spec.initial_trials.is_empty() {
        return Ok(Vec::new());
    }
    let study = Study::new(study_spec(record)?, record.progress.counts.trials);
    Ok(study.given(many(count)).into_iter().map(point).collect())
}

/// What the optimizer searches: the experiment's specification with the settings that it stored over it.
pub(super) fn study_spec(experiment: &ExperimentRecord) -> Result<StudySpec, SuggestError> {
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

pub(super) fn refused(error: &Refusal) -> SuggestError {
    SuggestError::Refused(error.to_string())
}

pub(super) fn failed(error: StoreError) -> SuggestError {
    SuggestError::Failed(error.to_string())
}

/// The thread of an optimizer or a stopping rule died.
pub(super) fn broke_down(error: tokio::task::JoinError) -> SuggestError {
    SuggestError::Failed(format!("the optimizer broke down: {error}"))
}
