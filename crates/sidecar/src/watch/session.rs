//! One trial, from the start of the collector to its end.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::time::Duration;

use diwan_core::observation::MetricPoint;
use diwan_core::sidecar::{SidecarConfig, Until};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::early::Early;
use super::follow::{self, Follow};
use super::last_words::LastWords;
use super::outbox::Outbox;
use super::relay::Relay;
use crate::shared::{Shared, State};
use crate::{Failure, say};

/// How soon what the trial writes is read.
const LOOK: Duration = Duration::from_millis(200);

/// Of the time from TERM to the end, the part that is kept for the delivery when the command goes on until then.
const FOR_DELIVERY: u32 = 5;

/// Most looks before others have a turn.
const LOOKS: usize = 4;

pub(super) async fn run(
    config: SidecarConfig,
    grace: Duration,
    mut last_words: LastWords,
) -> Result<(), Failure> {
    let mut asked = Asked::new()
        .map_err(|error| Failure::system(format!("cannot listen for signals: {error}")))?;
    let mut session = Session::new(config, grace).map_err(Failure::usage)?;
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadline: Option<Instant> = None;
    loop {
        tokio::select! {
            () = asked.heard(), if deadline.is_none() => deadline = Some(Instant::now() + grace),
            () = session.outbox.changed() => {}
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
            _ = look.tick() => {}
        }
        if session.step(deadline) {
            break;
        }
        // From now on it may be killed at any moment.
        if deadline.is_some() {
            session.leave(&mut last_words);
        }
    }
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    session.finish(left.unwrap_or(grace), &mut last_words).await;
    Ok(())
}

/// The signals that ask it to end.
struct Asked {
    terminate: Signal,
    interrupt: Signal,
}

impl Asked {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

struct Session {
    config: SidecarConfig,
    grace: Duration,
    shared: Shared,
    follow: Box<dyn Follow>,
    outbox: Outbox,
    early: Early,
    has_told_stop: bool,
    relay: Option<Relay>,
    /// Everything is read.
    is_read: bool,
    has_objective: bool,
    said: HashSet<String>,
    /// How far it was when it last left word of what is not delivered.
    left: Option<((u64, usize), bool)>,
}

impl Session {
    fn new(config: SidecarConfig, grace: Duration) -> Result<Self, String> {
        let mut early = Early::new(&config);
        let mut has_objective = false;
        let (outbox, left) = Outbox::open(&config, |point| {
            has_objective |= point.metric == config.objective.objective_metric_name;
            early.observe(point);
        })?;
        let follow = follow::open(&config, left.mark.as_ref())?;
        Ok(Self {
            shared: Shared::new(&config.dir),
            relay: config.log.clone().map(Relay::start),
            config,
            grace,
            follow,
            outbox,
            early,
            has_told_stop: left.has_fired,
            is_read: false,
            has_objective,
            said: HashSet::new(),
            left: None,
        })
    }

    /// Does what is to be done now; whether that was all.
    fn step(&mut self, deadline: Option<Instant>) -> bool {
        self.outbox.note_progress();
        // Before reading: what was written before the end is then read.
        let is_over = self.is_over(deadline);
        if !self.is_read {
            self.read(is_over);
        }
        if !is_over {
            self.early.ask(&self.shared);
        }
        // A trial that had ended by itself when its rules held was not stopped.
        let is_asked = || self.shared.asked_to_stop().is_some();
        let tells_stop = !self.has_told_stop && self.early.reason().is_some() && is_asked();
        let mark = || self.follow.mark();
        self.outbox.report(mark, self.is_read || tells_stop);
        if let Some(reason) = self.early.reason().filter(|_| tells_stop) {
            self.outbox.stopped(reason.to_owned());
            self.has_told_stop = true;
        }
        self.is_read && self.outbox.is_idle()
    }

    /// Whether nothing more is written.
    fn is_over(&self, deadline: Option<Instant>) -> bool {
        let state = self.shared.state();
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            return state != State::Running || left < self.grace / FOR_DELIVERY;
        }
        let restarts = self.config.restarts;
        match (self.config.until, state) {
            (Until::Terminated, _) | (_, State::Waiting | State::Running) => false,
            (Until::Ended, State::Ended(ended)) => !restarts || ended.exit_code() == 0,
            (Until::Ended, State::Gone) => !restarts,
        }
    }

    /// Reads on; when nothing more is written, to the end.
    fn read(&mut self, is_over: bool) {
        for _ in 0..LOOKS {
            if self.outbox.is_full() {
                return;
            }
            let mut points = Vec::new();
            let is_end = match self.follow.poll(&mut points) {
                Ok(read) => read == 0,
                Err(error) => {
                    self.complain(&format!("{} cannot be read: {error}", self.follow.name()));
                    !may_pass(&error)
                }
            };
            if is_end && is_over {
                self.follow.finish(&mut points);
                self.is_read = true;
            }
            self.take(points);
            if is_end {
                return;
            }
        }
    }

    fn take(&mut self, points: Vec<MetricPoint>) {
        for point in &points {
            self.has_objective |= point.metric == self.config.objective.objective_metric_name;
            self.early.observe(point);
        }
        self.outbox.add(points);
    }

    /// Says something once, not at every look.
    fn complain(&mut self, what: &str) {
        if self.said.insert(what.to_owned()) {
            say(what);
        }
    }

    /// Leaves what is not delivered, or what is not even read.
    fn leave(&mut self, last_words: &mut LastWords) {
        let progress = (self.outbox.progress(), self.is_read);
        if self.left != Some(progress) {
            last_words.leave(&self.outbox.left(), !self.is_read);
            self.left = Some(progress);
        }
    }

    async fn finish(mut self, patience: Duration, last_words: &mut LastWords) {
        self.outbox.note_progress();
        self.leave(last_words);
        if let Some(relay) = self.relay.take() {
            relay.finish(patience).await;
        }
        let trial = format!("{}/{}", self.config.namespace, self.config.trial);
        let trial = trial.trim_start_matches('/');
        if !self.is_read {
            let name = self.follow.name();
            say(&format!("{name} of trial {trial} was not read to its end"));
        }
        if !self.outbox.is_idle() || self.outbox.waiting() > 0 {
            let waiting = match self.outbox.waiting() {
                1 => "1 observation".to_owned(),
                more => format!("{more} observations"),
            };
            let seconds = self.grace.as_secs();
            let trouble = self.outbox.trouble();
            let trouble = trouble.unwrap_or_else(|| "there was too much to tell".to_owned());
            say(&format!(
                "{waiting} of trial {trial} could not be delivered within {seconds} s: {trouble}"
            ));
        }
        if !self.has_objective {
            let metric = &self.config.objective.objective_metric_name;
            let name = self.follow.name();
            say(&format!(
                "trial {trial} has not reported the objective {metric:?}: no value of it is in {name}"
            ));
        }
    }
}

/// Whether what is to be read is not to blame: then what is in it is still read to its end.
fn may_pass(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::Unsupported
    )
}
