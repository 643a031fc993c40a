//! What a run shows while it runs: a live line on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use diwan_core::record::ExperimentRecord;
use diwan_core::resources::TrialCounts;
use diwan_server::runner::Report;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::{mpsc, watch};

use crate::clock::instant;
use crate::output::{short, span};

/// Least time between two plain lines, unless there is a new best trial.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

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
    display.end();
}

/// Where progress goes.
enum Surface {
    Bar(ProgressBar),
    Lines(Lines),
    Nothing,
}

struct Display {
    surface: Surface,
    pace: Pace,
    last_trouble: Option<String>,
}

impl Display {
    fn new(quiet: bool) -> Self {
        let surface = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Surface::Nothing,
            (false, true) => Surface::Bar(
                ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
                    .with_style(style(None)),
            ),
            (false, false) => Surface::Lines(Lines::default()),
        };
        Self {
            surface,
            pace: Pace {
                begun: instant(),
                before: None,
            },
            last_trouble: None,
        }
    }

    fn update(&mut self, report: &Report) {
        if report.trouble != self.last_trouble {
            if let Some(trouble) = &report.trouble {
                self.say(&format!("waiting: {trouble}"));
            }
            self.last_trouble.clone_from(&report.trouble);
        }
        let Some(record) = &report.record else { return };
        let left = self.pace.time_left(record);
        match &mut self.surface {
            Surface::Bar(bar) => draw(bar, record, left),
            Surface::Lines(lines) => lines.print(record, left),
            Surface::Nothing => {}
        }
    }

    fn say(&self, text: &str) {
        match &self.surface {
            Surface::Bar(bar) => bar.suspend(|| eprintln!("{text}")),
            Surface::Lines(_) | Surface::Nothing => eprintln!("{text}"),
        }
    }

    fn end(&self) {
        if let Surface::Bar(bar) = &self.surface {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, record: &ExperimentRecord, left: Option<String>) {
    let length = record
        .spec
        .max_trial_count
        .and_then(|max| u64::try_from(max).ok());
    if bar.length() != length {
        bar.set_style(style(length));
        match length {
            Some(length) => bar.set_length(length),
            None => bar.unset_length(),
        }
    }
    bar.set_position(record.progress.counts.finished());
    bar.set_message(state(record, left));
    bar.tick();
}

/// The message is cut to what is left of the terminal's width: a line that wraps cannot be drawn over.
fn style(length: Option<u64>) -> ProgressStyle {
    let template = match length {
        Some(_) => "{bar:16} {pos}/{len} trials · {wide_msg}",
        None => "{spinner} {pos} trials · {wide_msg}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━─")
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
        let better = record.progress.best_value != self.last_best;
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
        self.last_best = record.progress.best_value;
        self.last_counts = *counts;
    }
}

/// How fast this run is.
struct Pace {
    begun: Instant,
    /// Trials that had ended before this run began; they say nothing of its speed.
    before: Option<u64>,
}

impl Pace {
    /// How long the rest of the budget takes at the speed so far.
    fn time_left(&mut self, record: &ExperimentRecord) -> Option<String> {
        let finished = record.progress.counts.finished();
        let done = finished.saturating_sub(*self.before.get_or_insert(finished));
        let max = u64::try_from(record.spec.max_trial_count?).ok()?;
        let rest = max.checked_sub(finished).filter(|rest| *rest > 0)?;
        if done == 0 || record.progress.completion_time.is_some() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = self.begun.elapsed().as_secs_f64() / done as f64 * rest as f64;
        #[expect(clippy::cast_possible_truncation, reason = "float casts saturate")]
        Some(span(seconds.ceil() as i64))
    }
}

/// What matters most comes first; the rest may not fit.
fn state(record: &ExperimentRecord, left: Option<String>) -> String {
    let left = left.map(|left| format!("{left} left"));
    let counts = Some(counts(&record.progress.counts));
    [best(record), left, counts]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

fn best(record: &ExperimentRecord) -> Option<String> {
    let (value, objective) = (record.progress.best_value?, record.spec.objective.as_ref()?);
    Some(format!(
        "best {}={}",
        objective.objective_metric_name,
        short(&value.to_string())
    ))
}

fn counts(counts: &TrialCounts) -> String {
    let named = [
        (counts.trials_running, "running"),
        (counts.trials_pending, "pending"),
        (counts.trials_failed, "failed"),
        (counts.trial_metrics_unavailable, "without metrics"),
        (counts.trials_early_stopped, "stopped early"),
        (counts.trials_killed, "killed"),
    ];
    let told = named
        .iter()
        .filter(|(count, name)| *count > 0 || *name == "running");
    told.map(|(count, name)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}
