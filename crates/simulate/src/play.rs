//! A whole experiment on a virtual clock: asynchronous workers, failures, preemptions, and no waiting.
//!
//! All that happens is a function of the setup: which trials fail and how long each takes depends on its number and the seed, not
//! on the algorithm, so that two algorithms meet the same luck.

mod queue;
mod stopping;
mod timeline;

use std::time::Duration;

use diwan_algorithms::algorithm::{More, SuggestError, Suggested, SuggestedPoint};
use diwan_algorithms::registry;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::Stopping;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_core::record::TrialState;
use diwan_core::resources::{AlgorithmSetting, ParameterAssignment};
use serde::Serialize;

use self::queue::Queue;
use self::stopping::Judge;
pub use self::timeline::{Reported, Timeline};
use crate::problem::{BadValue, Problem, Values};
use crate::stream;

/// How an experiment is played.
pub struct Setup<'a> {
    /// What is optimised.
    pub problem: &'a dyn Problem,
    /// Who optimises: [`StudySpec::algorithm`], its settings and its seed. Its space must be the problem's.
    pub study: StudySpec,
    /// The algorithm's settings once more, as they were given; what it stores is appended to them.
    pub settings: Vec<AlgorithmSetting>,
    /// What stops trials early, if anything does.
    pub stopping: Option<Stopping>,
    /// How many whole trials may be spent. Trials that are stopped early leave the rest of their reports to others.
    pub budget: u64,
    /// How many trials run at once; at least 1.
    pub workers: usize,
    /// What goes wrong.
    pub faults: Faults,
    /// Of durations, faults and noise.
    pub seed: u64,
}

/// How often something goes wrong with a trial: probabilities, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Faults {
    /// It fails underway.
    pub failures: f64,
    /// It succeeds with NaN.
    pub nans: f64,
    /// Its worker is taken away underway, and comes back later.
    pub preemptions: f64,
    /// It goes on then where it was; otherwise from its beginning.
    pub resumes: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// The trials, in the order of their ends.
    pub trials: Vec<PlayedTrial>,
    /// What every request for points cost, by the meter.
    pub requests: Vec<Request>,
    /// How many reports a whole trial makes; [`PlayedTrial::spent`] counts in them.
    pub steps: u64,
    /// Why it ended.
    pub ending: Ending,
}

/// A trial that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayedTrial {
    /// Which suggestion it was.
    pub number: u64,
    /// Its parameters.
    pub assignments: Vec<ParameterAssignment>,
    /// How it ended.
    pub state: TrialState,
    /// What it reported last, if anything.
    pub value: Option<f64>,
    /// What a whole trial of its parameters reaches without noise; nothing where trials fail.
    pub truth: Option<f64>,
    /// When it began, in virtual seconds.
    pub began: f64,
    /// When it ended.
    pub ended: f64,
    /// How many reports all trials that have ended until then have cost.
    pub spent: u64,
}

/// A request for points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// How many points came.
    pub points: usize,
    /// What it cost, by the meter.
    pub cost: Duration,
}

/// Why an experiment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The budget is spent.
    Budget,
    /// Every point was suggested.
    Exhausted,
    /// Nothing runs, and the algorithm gives no points: for people, what it waits for.
    Stuck(String),
    /// The caller did not want to go on.
    Cancelled,
}

/// Why an experiment cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// The algorithm refused.
    #[error(transparent)]
    Suggest(#[from] SuggestError),
    /// It suggested what is no point of the space.
    #[error("trial {number} is no point of the problem: {misfit}")]
    Misfit {
        /// The trial.
        number: u64,
        /// What is wrong with it.
        misfit: String,
    },
    /// It suggested what the problem cannot use.
    #[error("trial {number}: {source}")]
    Value {
        /// The trial.
        number: u64,
        /// What is wrong with it.
        source: BadValue,
    },
}

/// What the caller of [`play`] brings.
pub struct Caller<'a> {
    /// The time that this thread has worked: read before and after each request for points.
    pub meter: &'a dyn Fn() -> Duration,
    /// Asked before each request; the experiment ends when it says no.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// Plays an experiment to its end.
///
/// # Errors
/// When the algorithm refuses, or suggests what is no point of the problem.
pub fn play(setup: Setup<'_>, caller: &Caller<'_>) -> Result<Played, PlayError> {
    let mut game = Game::new(setup);
    let ending = loop {
        let wanted = game.free();
        let mut waits = None;
        if wanted > 0 {
            if !(caller.goes_on)() {
                break Ending::Cancelled;
            }
            waits = Some(game.ask(wanted, caller.meter)?);
        }
        if !game.pass()? {
            break match (game.is_exhausted, waits) {
                (true, _) => Ending::Exhausted,
                (false, Some(why)) => Ending::Stuck(why),
                (false, None) => Ending::Budget,
            };
        }
    };
    Ok(Played {
        trials: game.ended,
        requests: game.requests,
        steps: game.steps,
        ending,
    })
}

/// An experiment underway.
struct Game<'a> {
    setup: Setup<'a>,
    study: Study,
    judge: Option<Judge>,
    queue: Queue,
    steps: u64,
    /// Reports of the trials that have ended.
    spent: u64,
    /// Reports that the trials that run may still cost, those they have made included.
    reserved: u64,
    is_exhausted: bool,
    ended: Vec<PlayedTrial>,
    requests: Vec<Request>,
}

/// A trial that runs.
struct Running {
    report: Report,
    number: u64,
    timeline: Timeline,
    truth: Option<f64>,
    began: f64,
    /// Reports made so far.
    made: usize,
    /// What of the budget is reserved for it.
    held: u64,
}

impl<'a> Game<'a> {
    fn new(setup: Setup<'a>) -> Self {
        let objective = &setup.study.objective;
        let stopping = setup.stopping.as_ref();
        let judge = stopping.map(|stopping| Judge::new(stopping, objective));
        Self {
            study: Study::new(setup.study.clone(), 0),
            judge,
            queue: Queue::default(),
            steps: setup.problem.steps().max(1) as u64,
            spent: 0,
            reserved: 0,
            is_exhausted: false,
            ended: Vec::new(),
            requests: Vec::new(),
            setup,
        }
    }

    /// How many trials may begin now.
    fn free(&self) -> usize {
        if self.is_exhausted {
            return 0;
        }
        let whole = self.setup.budget.saturating_mul(self.steps);
        let left = whole.saturating_sub(self.spent + self.reserved) / self.steps;
        let idle = self.setup.workers.saturating_sub(self.queue.running());
        idle.min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Asks for points and begins their trials. Returns what the algorithm waits for, should there be none.
    fn ask(&mut self, wanted: usize, meter: &dyn Fn() -> Duration) -> Result<String, PlayError> {
        let before = meter();
        let suggested = registry::suggest(&self.study, wanted)?;
        self.requests.push(Request {
            points: suggested.points.len(),
            cost: meter().saturating_sub(before),
        });
        let Suggested {
            points,
            settings,
            more,
        } = suggested;
        if !settings.is_empty() {
            self.setup.settings.extend(settings);
            self.study.spec.settings = Settings::from(self.setup.settings.as_slice());
        }
        self.is_exhausted = more == More::Exhausted;
        for point in points {
            self.begin(point)?;
        }
        Ok(match more {
            More::NotYet { why } => why,
            More::Yes | More::Exhausted => "it gives no reason".to_owned(),
        })
    }

    fn begin(&mut self, point: SuggestedPoint) -> Result<(), PlayError> {
        let number = self.study.next;
        let bad = |source| PlayError::Value { number, source };
        let values = Values::new(&point.assignments);
        let seed = stream::seed("play: trial", self.setup.seed, number);
        let run = self.setup.problem.run(&values, seed).map_err(bad)?;
        let truth = self.setup.problem.truth(&values).map_err(bad)?;
        let timeline = Timeline::draw(run, &self.setup.faults, seed);
        let mut report = Report::new(point.assignments, TrialState::Running);
        report.number = Some(number);
        report.name = point.name.unwrap_or_else(|| format!("trial-{number}"));
        report.labels = point.labels;
        self.study.next += 1;
        self.record(number, report.clone())?;
        if let Some(judge) = &mut self.judge {
            judge.begin(number);
        }
        let held = timeline.cost();
        self.reserved += held;
        let first = self.next_moment(&timeline, 0);
        let began = self.queue.now();
        let running = Running {
            report,
            number,
            timeline,
            truth,
            began,
            made: 0,
            held,
        };
        self.queue.put(began + first, number, running);
        Ok(())
    }

    /// When a trial is to be looked at next, in seconds after its beginning: at its next report if somebody judges them, else
    /// at its end.
    fn next_moment(&self, timeline: &Timeline, made: usize) -> f64 {
        let report = timeline.reports.get(made).map(|report| report.at);
        match report.filter(|_| self.judge.is_some()) {
            Some(at) => at,
            None => timeline.end,
        }
    }

    /// Lets the clock go to the next moment at which something happens; whether there is one.
    fn pass(&mut self) -> Result<bool, PlayError> {
        let Some((number, mut running)) = self.queue.take() else {
            return Ok(false);
        };
        if let Some(judge) = &mut self.judge
            && let Some(report) = running.timeline.reports.get(running.made)
        {
            let last = running.made + 1 == running.timeline.reports.len();
            running.made += 1;
            if judge.stops(number, report.value) && !last {
                running.timeline.reports.truncate(running.made);
                self.end(running, TrialState::EarlyStopped)?;
                return Ok(true);
            }
            let next = running.began + self.next_moment(&running.timeline, running.made);
            self.queue.put(next, number, running);
            return Ok(true);
        }
        let state = running.timeline.state;
        self.end(running, state)?;
        Ok(true)
    }

    fn end(&mut self, running: Running, state: TrialState) -> Result<(), PlayError> {
        let Running {
            mut report,
            number,
            timeline,
            truth,
            began,
            held,
            made: _,
        } = running;
        self.reserved -= held;
        self.spent += timeline.cost();
        let value = timeline.reports.last().map(|report| report.value);
        if let Some(judge) = &mut self.judge {
            judge.end(number, state);
        }
        report.state = state;
        report.value = value;
        let reports = timeline.reports.iter();
        report.curve = reports.map(|report| report.value).collect();
        self.ended.push(PlayedTrial {
            number,
            assignments: report.assignments.clone(),
            state,
            value,
            truth,
            began,
            ended: self.queue.now(),
            spent: self.spent,
        });
        self.record(number, report)
    }

    fn record(&mut self, number: u64, report: Report) -> Result<(), PlayError> {
        self.study
            .record(report)
            .map_err(|misfit| PlayError::Misfit {
                number,
                misfit: misfit.to_string(),
            })
    }
}

#[cfg(test)]
mod tests;
