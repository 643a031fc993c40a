//! What a run shows while it runs: a live line on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diwan_core::record::ExperimentRecord;
use diwan_core::resources::TrialCounts;
use diwan_server::runner::Report;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use crate::clock::instant;
use crate::output::span;

/// Least time between two plain lines, unless there is a new best trial.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows reports until their sender is gone.
pub(crate) async fn show(mut reports: watch::Receiver<Report>) {
    let mut display = Display::new();
    loop {
        let report = reports.borrow_and_update().clone();
        display.update(&report);
        tokio::select! {
            changed = reports.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    display.end();
}

struct Display {
    bar: Option<ProgressBar>,
    begun: Instant,
    /// Trials that had ended before this run began; they say nothing of its speed.
    before: Option<u64>,
    last_line: Option<Instant>,
    last_best: Option<f64>,
    last_text: String,
    last_trouble: Option<String>,
}

impl Display {
    fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(style(true));
            bar
        });
        Self {
            bar,
            begun: instant(),
            before: None,
            last_line: None,
            last_best: None,
            last_text: String::new(),
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
        match self.bar.clone() {
            Some(bar) => self.draw(&bar, record),
            None => self.print(record),
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    fn draw(&mut self, bar: &ProgressBar, record: &Arc<ExperimentRecord>) {
        let counts = &record.progress.counts;
        match record.spec.max_trial_count {
            Some(max) => bar.set_length(u64::try_from(max).unwrap_or(0)),
            None => bar.set_style(style(false)),
        }
        bar.set_position(counts.finished());
        let left = self.time_left(record).map(|left| format!(" · {left} left")).unwrap_or_default();
        bar.set_message(format!("{}{}{left}", states(counts), best(record)));
        bar.tick();
    }

    fn print(&mut self, record: &ExperimentRecord) {
        let counts = &record.progress.counts;
        let of = record.spec.max_trial_count.map(|max| format!(" of {max}")).unwrap_or_default();
        let text = format!("{}{of} trials done · {}{}", counts.finished(), states(counts), best(record));
        let better = record.progress.best_value != self.last_best;
        let due = self.last_line.is_none_or(|last| last.elapsed() >= BETWEEN_LINES);
        if text == self.last_text || !(better || due) {
            return;
        }
        let left = self.time_left(record).map(|left| format!(" · {left} left")).unwrap_or_default();
        eprintln!("{text}{left}");
        self.last_text = text;
        self.last_best = record.progress.best_value;
        self.last_line = Some(instant());
    }

    /// How long the rest of the budget takes at this run's speed so far.
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

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(known_length: bool) -> ProgressStyle {
    let template = if known_length { "{bar:24} {pos}/{len} trials · {msg}" } else { "{spinner} {pos} trials · {msg}" };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─")
}

fn states(counts: &TrialCounts) -> String {
    let named = [
        (counts.trials_running, "running"),
        (counts.trials_pending, "pending"),
        (counts.trials_failed, "failed"),
        (counts.trial_metrics_unavailable, "without metrics"),
        (counts.trials_early_stopped, "stopped early"),
        (counts.trials_killed, "killed"),
    ];
    let told = named.iter().filter(|(count, name)| *count > 0 || *name == "running");
    told.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

fn best(record: &ExperimentRecord) -> String {
    let (Some(value), Some(objective)) = (record.progress.best_value, &record.spec.objective) else {
        return String::new();
    };
    format!(" · best {}={value}", objective.objective_metric_name)
}
