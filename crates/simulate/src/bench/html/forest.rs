//! Decades below random search, a row for everybody.

use std::fmt::{self, Write as _};

use super::scale::Scale;
use super::{Escaped, Line};

const WIDTH: f64 = 760.0;
const ROW: f64 = 24.0;
/// Room for names.
const LEFT: f64 = 220.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 24.0;
/// Letters of a name that fit beside the plot.
const LETTERS: usize = 32;

pub(super) fn write(page: &mut String, lines: &[Line<'_>]) -> fmt::Result {
    let ends = |line: &Line<'_>| {
        let entry = line.entry;
        let [low, high] = entry.interval.unwrap_or([entry.decades; 2]);
        [low, high, entry.median, 0.0]
    };
    let x = Scale::new(
        Scale::around(lines.iter().flat_map(ends)),
        [LEFT, WIDTH - RIGHT],
    );
    let floor = ROW * lines.len() as f64;
    writeln!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"decades below random search\">",
        floor + BOTTOM
    )?;
    for tick in x.ticks() {
        let at = x.place(tick);
        let class = if tick == 0.0 { "axis" } else { "grid" };
        writeln!(
            page,
            "<line class=\"{class}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{floor}\"/>"
        )?;
        writeln!(
            page,
            "<text class=\"middle\" x=\"{at:.1}\" y=\"{}\">{tick}</text>",
            floor + 16.0
        )?;
    }
    for (index, line) in lines.iter().enumerate() {
        write_row(page, line, &x, ROW * (index as f64 + 0.5))?;
    }
    page.push_str("</svg>\n");
    Ok(())
}

fn write_row(page: &mut String, line: &Line<'_>, x: &Scale, y: f64) -> fmt::Result {
    let (entry, classes) = (line.entry, line.classes());
    let name: String = entry.algorithm.chars().take(LETTERS).collect();
    writeln!(
        page,
        "<text class=\"end\" x=\"{}\" y=\"{}\">{}</text>",
        LEFT - 10.0,
        y + 4.0,
        Escaped(&name)
    )?;
    if let Some([low, high]) = entry.interval {
        let (low, high) = (x.place(low), x.place(high));
        writeln!(
            page,
            "<line class=\"line {classes}\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y}\" y2=\"{y}\"/>"
        )?;
    }
    writeln!(
        page,
        "<circle class=\"dot {classes}\" cx=\"{:.1}\" cy=\"{y}\" r=\"5\"/>",
        x.place(entry.decades)
    )?;
    writeln!(
        page,
        "<circle class=\"ring {classes}\" cx=\"{:.1}\" cy=\"{y}\" r=\"5\"/>",
        x.place(entry.median)
    )
}
