//! Results that leave a model little to hold on to.

use diwan_core::record::TrialState;

use super::experiment::answer;
use crate::algorithm::{Algorithm, More};
use crate::stopping::Curve;
use crate::study::{Report, Study, StudySpec};

/// What becomes of the trials of a history.
struct History {
    what: &'static str,
    trials: u64,
    /// Whether each is at the same point as the one before it, as far as it goes.
    repeats: bool,
    value: fn(u64) -> f64,
}

const HISTORIES: [History; 5] = [
    History {
        what: "values as large as can be",
        trials: 60,
        repeats: false,
        value: |index| [1e300, -1e300, f64::MAX, f64::MIN][index as usize % 4],
    },
    History {
        what: "values as small as can be",
        trials: 60,
        repeats: false,
        value: |index| [5e-324, -5e-324, 0.0, -0.0, 1e-300][index as usize % 5],
    },
    History {
        what: "one value beyond all others",
        trials: 60,
        repeats: false,
        value: |index| if index == 30 { -1e300 } else { index as f64 },
    },
    History {
        what: "a point that was tried many times",
        trials: 60,
        repeats: true,
        value: |index| (index % 7) as f64,
    },
    History {
        what: "a thousand equal values",
        trials: 1_000,
        repeats: false,
        value: |_| 7.0,
    },
];

/// After any of these histories, the algorithm gives points of the space.
pub(super) fn extremes(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    for history in &HISTORIES {
        let context = format!("{context}, {}", history.what);
        let study = history.study(spec);
        let suggested = answer(algorithm, &study, 2);
        let is_complete = suggested.points.len() == 2 || suggested.more != More::Yes;
        assert!(is_complete, "{context}: too few points");
        for point in suggested.points {
            let space = study.space();
            let found = space.point(&point.assignments);
            let found = found.unwrap_or_else(|misfit| panic!("{context}: {misfit}"));
            let is_new = !study.has_tried(&found) || !space.may_repeat();
            assert!(is_new, "{context}: a point came twice");
        }
    }
}

// === impl History ===

impl History {
    /// A study of these trials, a third of which was stopped early.
    fn study(&self, spec: &StudySpec) -> Study {
        let reports = (0..self.trials).map(|index| {
            let stream = 1_000_000 + if self.repeats { 0 } else { index };
            let point = spec.space.random(&mut spec.rng(stream));
            let state = match index % 3 {
                2 => TrialState::EarlyStopped,
                _ => TrialState::Succeeded,
            };
            let steps = index..index + 1 + u64::from(state == TrialState::Succeeded);
            let mut report = Report::new(spec.space.assignments(&point), state);
            report.number = Some(index);
            report.name = format!("trial-{index}");
            report.value = Some((self.value)(index));
            report.curve = steps.map(self.value).collect::<Curve>();
            report
        });
        Study::of(spec.clone(), None, reports)
    }
}
