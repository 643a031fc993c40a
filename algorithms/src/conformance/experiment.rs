//! An experiment that the suite plays.

use std::collections::HashSet;

use diwan_core::record::TrialState;
use diwan_core::resources::ParameterAssignment;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom as _;

use crate::algorithm::{Algorithm, More, Suggested};
use crate::space::Point;
use crate::study::{Report, Study, StudySpec};

/// An experiment without jobs: the results follow from the trial's number, and a good part of them are bad.
pub(super) struct Experiment<'a> {
    algorithm: &'a dyn Algorithm,
    pub(super) context: &'a str,
    pub(super) study: Study,
    pub(super) reports: Vec<Report>,
    pub(super) points: HashSet<Point>,
}

// === impl Experiment ===

impl<'a> Experiment<'a> {
    pub(super) fn new(algorithm: &'a dyn Algorithm, spec: &StudySpec, context: &'a str) -> Self {
        let study = Study::new(spec.clone(), 0);
        Self {
            algorithm,
            context,
            study,
            reports: Vec::new(),
            points: HashSet::new(),
        }
    }

    /// Asks for points and starts a trial for each.
    pub(super) fn ask(&mut self, count: usize) -> Suggested {
        let suggested = answer(self.algorithm, &self.study, count);
        assert_eq!(
            suggested,
            answer(self.algorithm, &self.study, count),
            "{}: not a function",
            self.context
        );
        assert_eq!(
            suggested,
            answer(self.algorithm, &self.restarted(), count),
            "{}: not restart-safe",
            self.context
        );
        assert!(
            suggested.points.len() <= count,
            "{}: more points than wanted",
            self.context
        );
        let complete = suggested.points.len() == count || suggested.more != More::Yes;
        assert!(
            complete,
            "{}: too few points, and more are said to come",
            self.context
        );
        for point in &suggested.points {
            let mut report = Report::new(point.assignments.clone(), TrialState::Pending);
            report.number = Some(self.study.next);
            report.name = point
                .name
                .clone()
                .unwrap_or_else(|| format!("trial-{}", self.study.next));
            report.labels = point.labels.clone();
            self.check_point(&report.assignments);
            self.study.next += 1;
            self.record(report);
        }
        suggested
    }

    /// The same study, made anew of the trials in another order each time.
    fn restarted(&self) -> Study {
        let mut reports = self.reports.clone();
        reports.shuffle(&mut ChaCha8Rng::seed_from_u64(self.study.next));
        Study::of(self.study.spec.clone(), Some(self.study.made()), reports)
    }

    fn check_point(&mut self, assignments: &[ParameterAssignment]) {
        let space = self.study.space();
        let point = space
            .point(assignments)
            .unwrap_or_else(|misfit| panic!("{}: {misfit}", self.context));
        assert_eq!(
            space.assignments(&point),
            assignments,
            "{}: the text does not read back",
            self.context
        );
        let fresh = self.points.insert(point);
        assert!(
            fresh || !space.may_repeat(),
            "{}: a point came twice: {assignments:?}",
            self.context
        );
    }

    pub(super) fn record(&mut self, report: Report) {
        self.study
            .record(report.clone())
            .expect("the point was checked");
        self.reports.push(report);
    }

    /// Ends a trial as its number wants it: well, badly, or with a useless value.
    pub(super) fn finish(&mut self, index: usize) {
        let end = match index % 8 {
            1 => (TrialState::Failed, None),
            2 => (TrialState::Succeeded, Some(f64::NAN)),
            3 => (TrialState::EarlyStopped, Some(1e300)),
            4 => (TrialState::MetricsUnavailable, None),
            5 => (TrialState::Killed, Some(f64::NEG_INFINITY)),
            _ => (TrialState::Succeeded, Some((index % 5) as f64)),
        };
        self.report(index, |report| (report.state, report.value) = end);
    }

    /// What a trial tells now.
    pub(super) fn report(&mut self, index: usize, tell: impl FnOnce(&mut Report)) {
        let report = &mut self.reports[index];
        tell(report);
        self.study
            .record(report.clone())
            .expect("the point was checked");
    }

    /// The trials that have not ended.
    pub(super) fn active(&self) -> Vec<usize> {
        let states = self.reports.iter().map(|report| report.state);
        let active = states.enumerate().filter(|(_, state)| state.is_active());
        active.map(|(index, _)| index).collect()
    }

    pub(super) fn finish_all(&mut self) {
        for index in self.active() {
            self.finish(index);
        }
    }

    /// Asserts that a finite space ended when all its points had come, and no other space did.
    pub(super) fn check_end(&self, suggested: &Suggested) {
        let all = self.study.space().cardinality() == Some(self.points.len() as u128);
        let exhausted = suggested.more == More::Exhausted;
        if self.algorithm.ignores_batching() {
            assert_eq!(
                exhausted,
                all,
                "{}: exhausted after {} points",
                self.context,
                self.points.len()
            );
        }
        assert!(
            !exhausted || self.study.space().cardinality().is_some(),
            "{}: exhausted",
            self.context
        );
    }
}

pub(super) fn answer(algorithm: &dyn Algorithm, study: &Study, count: usize) -> Suggested {
    algorithm
        .suggest(study, count, &mut study.rng())
        .unwrap_or_else(|error| {
            panic!("{}: refused a study it accepted: {error}", algorithm.name())
        })
}
