//! What happens to one trial, and when.

use diwan_core::record::TrialState;

use super::Faults;
use crate::problem::Run;
use crate::stream::Stream;

/// The life of a trial, in seconds after its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// What it reports.
    pub reports: Vec<Reported>,
    /// When it ends.
    pub end: f64,
    /// How it ends.
    pub state: TrialState,
}

/// A report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported {
    /// When it is made.
    pub at: f64,
    /// Of the metric.
    pub value: f64,
}

impl Timeline {
    /// The life of a trial that would do `run` if nothing went wrong.
    #[must_use]
    pub fn draw(run: Run, faults: &Faults, seed: u64) -> Self {
        let mut luck = Luck::draw(faults, seed);
        let whole = run.seconds();
        let mut timeline = Self::undisturbed(run);
        if luck.is_nan
            && let Some(last) = timeline.reports.last_mut()
        {
            last.value = f64::NAN;
        }
        if let Some(share) = luck.fails_at.take() {
            timeline.end = share * whole;
            timeline.reports.retain(|report| report.at <= share * whole);
            timeline.state = TrialState::Failed;
        }
        if let Some(share) = luck.preempted_at {
            timeline.delay(share * timeline.end, luck.away * whole, faults.resumes);
        }
        timeline
    }

    fn undisturbed(run: Run) -> Self {
        let mut end = 0.0;
        match run {
            Run::Fails(seconds) => Self {
                reports: Vec::new(),
                end: seconds,
                state: TrialState::Failed,
            },
            Run::Reports(steps) => {
                let reported = |step: &crate::problem::Step| {
                    end += step.seconds;
                    Reported {
                        at: end,
                        value: step.value,
                    }
                };
                let reports = steps.iter().map(reported).collect();
                Self {
                    reports,
                    end,
                    state: TrialState::Succeeded,
                }
            }
        }
    }

    /// Takes the worker away at a moment, for so many seconds. A trial that begins again makes the reports it has made a second
    /// time, and they count then.
    fn delay(&mut self, moment: f64, away: f64, resumes: bool) {
        let lost = if resumes { 0.0 } else { moment };
        for report in &mut self.reports {
            if report.at > moment || !resumes {
                report.at += away + lost;
            }
        }
        self.end += away + lost;
    }

    /// How many reports it costs. One that fails before its first costs one too.
    pub(super) fn cost(&self) -> u64 {
        self.reports.len().max(1) as u64
    }
}

/// What is drawn for a trial, all of it always, so that more of one fault changes no other.
struct Luck {
    fails_at: Option<f64>,
    is_nan: bool,
    preempted_at: Option<f64>,
    /// For how long, as a share of a whole trial.
    away: f64,
}

impl Luck {
    fn draw(faults: &Faults, seed: u64) -> Self {
        let mut stream = Stream::new("play: luck", seed, 0);
        let [fails, fails_at, is_nan, preempted, preempted_at, away] =
            [(); 6].map(|()| stream.unit());
        Self {
            fails_at: (fails < faults.failures).then_some(fails_at),
            is_nan: is_nan < faults.nans,
            preempted_at: (preempted < faults.preemptions).then_some(preempted_at),
            away,
        }
    }
}
