//! A line of the terminal that is drawn over and over.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crate::clock::instant;
use crate::environment::ERASE_LINE;

/// Least time between two drawings.
const BETWEEN: Duration = Duration::from_millis(100);
/// Cells of the bar where there is room.
const CELLS: usize = 16;
/// With fewer cells, a bar says nothing.
const FEWEST_CELLS: usize = 4;

/// The line. The cursor waits at its start, so that whatever else is written there (the terminal's own `^C`, a warning) begins
/// on this line and is gone, or has taken its place, at the next drawing.
#[derive(Default)]
pub(super) struct LiveLine {
    drawn: Option<Instant>,
}

impl LiveLine {
    /// Shows `text`, cut to the terminal's width, unless the last one was shown just now.
    pub(super) fn draw(&mut self, text: &str) {
        if self.drawn.is_some_and(|last| last.elapsed() < BETWEEN) {
            return;
        }
        // Without wrapping, the terminal cuts, and the last cell is the space: a line that wraps cannot be drawn over.
        let line = format!("{ERASE_LINE}\x1b[?7l{text} \x1b[?7h\r");
        let _ = io::stderr().write_all(line.as_bytes());
        self.drawn = Some(instant());
    }

    /// Takes the line away; the next drawing brings it back.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = io::stderr().write_all(ERASE_LINE.as_bytes());
        }
    }
}

/// How much of the whole is done, in at most `room` columns; empty if that is too little.
pub(super) fn bar(done: u64, whole: u64, room: usize) -> String {
    let cells = room.min(CELLS);
    if cells < FEWEST_CELLS {
        return String::new();
    }
    let cells = cells as u64;
    let drawn = (1..=cells).map(|cell| {
        let is_full = done.saturating_mul(cells) >= whole.saturating_mul(cell);
        if is_full { '━' } else { '─' }
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_from_the_left() {
        assert_eq!(bar(0, 24, 99), "────────────────");
        assert_eq!(bar(12, 24, 16), "━━━━━━━━────────");
        assert_eq!(bar(23, 24, 16), "━━━━━━━━━━━━━━━─");
        for (done, whole) in [(24, 24), (25, 24), (0, 0)] {
            assert_eq!(bar(done, whole, 16), "━━━━━━━━━━━━━━━━");
        }
        assert_eq!(bar(12, 24, 5), "━━───");
        assert_eq!(bar(12, 24, 3), "");
    }
}
