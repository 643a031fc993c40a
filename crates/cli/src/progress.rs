//! What is shown while something runs: a live line on a terminal, plain lines elsewhere.

pub(crate) mod count;
mod live;
mod pace;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use diwan_core::record::ExperimentRecord;
use diwan_core::resources::TrialCounts;
use diwan_drivers::DEFAULT_GRACE;
use diwan_server::runner::Report;
use tokio::sync::{mpsc, watch};

use self::live::LiveLine;
use self::pace::Pace;
use crate::clock::instant;
use crate::environment;
use crate::output::{short, span};

/// Least time between two plain lines, unless there is a new best trial.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// How long trials may take to stop before that is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// A terminal of so many columns shows the whole line, if its words are not longer.
const COLUMNS: usize = 70;

/// Shows reports until their sender is gone, and notes as they come. When `quiet`, only notes and troubles.
pub(crate) async fn show(
    mut reports: watch::Receiver<Report>,
    mut notes: mpsc::UnboundedReceiver<&'static str>,
    quiet: bool,
) {
    let mut display = Display::new(quiet);
    loop {
        let report = reports.borrow_and_update().clone();
        display.update(&report);
        tokio::select! {
            changed = reports.changed() => if changed.is_err() { break },
            Some(note) = notes.recv() => display.say(note),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    display.clear();
}

/// Where progress goes.
enum Surface {
    Live(LiveLine),
    Lines(Lines),
    Nothing,
}

impl Surface {
    fn new(quiet: bool) -> Self {
        match (quiet, environment::can_draw()) {
            (true, _) => Self::Nothing,
            (false, true) => Self::Live(LiveLine::default()),
            (false, false) => Self::Lines(Lines::default()),
        }
    }
}

struct Display {
    surface: Surface,
    pace: Pace,
    /// What is in the way and was said; several launches may take turns in reporting.
    troubles: HashSet<String>,
    ending: Ending,
}

/// The end of an experiment whose trials still run.
#[derive(Default)]
struct Ending {
    since: Option<Instant>,
    is_told: bool,
}

impl Ending {
    /// Says once that trials take their time to stop.
    fn look(&mut self, record: &ExperimentRecord, now: Instant) -> Option<String> {
        let running = record.progress.counts.trials_running;
        if record.progress.completion_time.is_none() || running == 0 {
            *self = Self::default();
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let is_due = !self.is_told && now.saturating_duration_since(since) >= PATIENCE;
        self.is_told |= is_due;
        let grace = DEFAULT_GRACE.as_secs();
        is_due.then(|| {
            format!(
                "the experiment has ended; stopping {running} trial{}, with KILL after the grace period ({grace}s unless \
                 the template says otherwise)",
                if running == 1 { "" } else { "s" }
            )
        })
    }
}

impl Display {
    fn new(quiet: bool) -> Self {
        Self {
            surface: Surface::new(quiet),
            pace: Pace::default(),
            troubles: HashSet::new(),
            ending: Ending::default(),
        }
    }

    fn update(&mut self, report: &Report) {
        match &report.trouble {
            Some(trouble) if self.troubles.insert(trouble.clone()) => {
                self.say(&format!("waiting: {trouble}"));
            }
            Some(_) => {}
            None => self.troubles.clear(),
        }
        let Some(record) = &report.record else { return };
        let ending = self.ending.look(record, instant());
        if let Some(told) = ending.filter(|_| !matches!(self.surface, Surface::Nothing)) {
            self.say(&told);
        }
        let left = self.pace.time_left(record, instant()).map(span);
        match &mut self.surface {
            Surface::Live(live) => live.draw(&line(record, left)),
            Surface::Lines(lines) => lines.print(record, left),
            Surface::Nothing => {}
        }
    }

    fn say(&mut self, text: &str) {
        self.clear();
        eprintln!("{text}");
    }

    fn clear(&mut self) {
        if let Surface::Live(live) = &mut self.surface {
            live.clear();
        }
    }
}

/// The live line. Its bar takes the room that the words leave.
fn line(record: &ExperimentRecord, left: Option<String>) -> String {
    let done = record.progress.counts.finished();
    let state = state(record, left);
    let max = record.spec.max_trial_count;
    let Some(max) = max.and_then(|max| u64::try_from(max).ok()) else {
        return format!("{done} trials · {state}");
    };
    let words = format!(" {done}/{max} trials · {state}");
    let room = COLUMNS.saturating_sub(words.chars().count());
    format!("{}{words}", live::bar(done, max, room))
        .trim_start()
        .to_owned()
}

/// The plain lines so far.
#[derive(Default)]
struct Lines {
    last: Option<Instant>,
    last_best: Option<f64>,
    last_counts: TrialCounts,
}

impl Lines {
    fn print(&mut self, record: &ExperimentRecord, left: Option<String>) {
        let counts = &record.progress.counts;
        let better = record.best_value() != self.last_best;
        let due = self.last.is_none_or(|last| last.elapsed() >= BETWEEN_LINES);
        let idle = counts.trials == 0 || record.progress.completion_time.is_some();
        if *counts == self.last_counts || idle || !(better || due) {
            return;
        }
        let of = record
            .spec
            .max_trial_count
            .map(|max| format!("/{max}"))
            .unwrap_or_default();
        eprintln!("{}{of} trials · {}", counts.finished(), state(record, left));
        self.last = Some(instant());
        self.last_best = record.best_value();
        self.last_counts = *counts;
    }
}

/// What matters most comes first; the rest may not fit.
fn state(record: &ExperimentRecord, left: Option<String>) -> String {
    let left = left.map(|left| format!("{left} left"));
    let is_stopping = record.progress.completion_time.is_some();
    let counts = Some(counts(&record.progress.counts, is_stopping));
    [best(record), left, counts]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

fn best(record: &ExperimentRecord) -> Option<String> {
    let (value, objective) = (record.best_value()?, record.spec.objective.as_ref()?);
    Some(format!(
        "best {}={}",
        objective.objective_metric_name,
        short(&value.to_string())
    ))
}

fn counts(counts: &TrialCounts, is_stopping: bool) -> String {
    let running = if is_stopping { "stopping" } else { "running" };
    let named = [
        (counts.trials_running, running),
        (counts.trials_pending, "pending"),
        (counts.trials_failed, "failed"),
        (counts.trial_metrics_unavailable, "without metrics"),
        (counts.trials_early_stopped, "stopped early"),
        (counts.trials_killed, "killed"),
    ];
    let told = named
        .iter()
        .filter(|(count, name)| *count > 0 || *name == running);
    told.map(|(count, name)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use diwan_core::record::Progress;
    use diwan_core::resources::{ExperimentSpec, ObjectMeta};
    use diwan_server::clock::now;

    use super::*;

    #[test]
    fn the_bar_gives_way_to_the_words() {
        let mut record = ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: ExperimentSpec {
                max_trial_count: Some(12),
                ..ExperimentSpec::default()
            },
            progress: Progress::default(),
        };
        record.progress.counts.trials_succeeded = 6;
        let roomy = line(&record, Some("3s".to_owned()));
        assert_eq!(roomy, "━━━━━━━━──────── 6/12 trials · 3s left · 0 running");
        record.progress.counts.trials_failed = 1;
        record.progress.counts.trials_early_stopped = 2;
        let narrow = line(&record, Some("12d3h".to_owned()));
        assert_eq!(
            narrow,
            "━━━━── 9/12 trials · 12d3h left · 0 running, 1 failed, 2 stopped early"
        );
        record.progress.counts.trials_killed = 2;
        let none = line(&record, Some("12d3h".to_owned()));
        assert!(none.starts_with("11/12 trials"), "{none}");
    }

    #[test]
    fn trials_that_take_their_time_to_stop_are_told_once() {
        let mut record = ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: ExperimentSpec::default(),
            progress: Progress::default(),
        };
        record.progress.counts.trials_running = 2;
        let (mut ending, begin) = (Ending::default(), instant());
        assert_eq!(ending.look(&record, begin), None);
        record.progress.completion_time = Some(now());
        assert_eq!(ending.look(&record, begin), None);
        let later = begin + PATIENCE;
        let told = ending.look(&record, later).unwrap();
        assert_eq!(
            told,
            "the experiment has ended; stopping 2 trials, with KILL after the grace period (30s unless the template \
             says otherwise)"
        );
        assert_eq!(ending.look(&record, later + PATIENCE), None);
        assert!(line(&record, None).ends_with("2 stopping"));
    }
}
