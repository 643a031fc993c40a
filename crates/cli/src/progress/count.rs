//! How many of some things are done: a live line on a terminal, plain lines elsewhere.

use std::time::Instant;

use super::live::bar;
use super::{BETWEEN_LINES, COLUMNS, Surface};
use crate::clock::instant;
use crate::output::span;

/// Counts what is done of a known number of things.
pub(crate) struct Counter {
    surface: Surface,
    what: &'static str,
    whole: u64,
    done: u64,
    began: Instant,
    told: Option<Instant>,
}

impl Counter {
    /// None of `whole` things is done yet. When `quiet`, nothing is shown.
    pub(crate) fn new(whole: usize, what: &'static str, quiet: bool) -> Self {
        Self {
            surface: Surface::new(quiet),
            what,
            whole: whole as u64,
            done: 0,
            began: instant(),
            told: None,
        }
    }

    /// One more is done.
    pub(crate) fn one_more(&mut self) {
        self.done += 1;
        let now = instant();
        let words = format!(
            " {}/{} {}{}",
            self.done,
            self.whole,
            self.what,
            self.left(now)
        );
        match &mut self.surface {
            Surface::Live(live) => {
                let room = COLUMNS.saturating_sub(words.chars().count());
                let line = format!("{}{words}", bar(self.done, self.whole, room));
                live.draw(line.trim_start());
            }
            Surface::Lines(_) if self.told.is_none_or(|told| told.elapsed() >= BETWEEN_LINES) => {
                eprintln!("{}", words.trim_start());
                self.told = Some(now);
            }
            Surface::Lines(_) | Surface::Nothing => {}
        }
    }

    /// How long the rest takes, if it is like what is done.
    fn left(&self, now: Instant) -> String {
        let passed = now.saturating_duration_since(self.began).as_secs_f64();
        let left = passed / self.done as f64 * self.whole.saturating_sub(self.done) as f64;
        if left < 1.0 {
            return String::new();
        }
        #[expect(clippy::cast_possible_truncation, reason = "float casts saturate")]
        let seconds = left.ceil() as i64;
        format!(" · {} left", span(seconds))
    }

    /// Says something beside.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        eprintln!("{text}");
    }

    /// Takes the line away; the next drawing brings it back.
    pub(crate) fn clear(&mut self) {
        if let Surface::Live(live) = &mut self.surface {
            live.clear();
        }
    }
}
