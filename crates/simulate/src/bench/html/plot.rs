//! Anytime curves.

use std::fmt::{self, Write as _};

use super::scale::Scale;
use super::{Escaped, Line};
use crate::bench::Moment;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

pub(super) fn write(page: &mut String, lines: &[Line<'_>]) -> fmt::Result {
    let moments = || lines.iter().flat_map(|line| &line.entry.anytime);
    let heights = moments().flat_map(|moment| {
        let [low, high] = moment.interval.unwrap_or([moment.regret; 2]);
        [low, moment.regret, high]
    });
    let last = moments()
        .map(|moment| moment.trials as f64)
        .fold(1.0, f64::max);
    let x = Scale::new([0.0, last], [LEFT, WIDTH - RIGHT]);
    let y = Scale::new(Scale::around(heights), [HEIGHT - BOTTOM, TOP]);
    writeln!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"anytime curves\">"
    )?;
    write_axes(page, &x, &y)?;
    for line in lines {
        write_band(page, line, &x, &y)?;
    }
    for line in lines {
        write_line(page, line, &x, &y)?;
    }
    page.push_str("</svg>\n");
    Ok(())
}

fn write_axes(page: &mut String, x: &Scale, y: &Scale) -> fmt::Result {
    let floor = HEIGHT - BOTTOM;
    for tick in y.ticks() {
        let at = y.place(tick);
        writeln!(
            page,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
            WIDTH - RIGHT
        )?;
        writeln!(
            page,
            "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{tick}</text>",
            LEFT - 6.0,
            at + 4.0
        )?;
    }
    for tick in x.ticks() {
        let at = x.place(tick);
        writeln!(
            page,
            "<text class=\"middle\" x=\"{at:.1}\" y=\"{}\">{tick}</text>",
            floor + 16.0
        )?;
    }
    writeln!(
        page,
        "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{floor}\" y2=\"{floor}\"/>",
        WIDTH - RIGHT
    )?;
    writeln!(
        page,
        "<text class=\"middle\" x=\"{}\" y=\"{}\">whole trials spent</text>",
        f64::midpoint(LEFT, WIDTH),
        HEIGHT - 4.0
    )?;
    Ok(())
}

fn write_band(page: &mut String, line: &Line<'_>, x: &Scale, y: &Scale) -> fmt::Result {
    let edge = |moment: &Moment, side: usize| {
        let regret = moment.interval?[side];
        Some(point(x, y, moment.trials, regret))
    };
    let anytime = &line.entry.anytime;
    let lower = anytime.iter().filter_map(|moment| edge(moment, 0));
    let upper = anytime.iter().rev().filter_map(|moment| edge(moment, 1));
    let points: String = lower.chain(upper).collect();
    if points.is_empty() {
        return Ok(());
    }
    let classes = line.classes();
    writeln!(
        page,
        "<polygon class=\"band {classes}\" points=\"{}\"/>",
        points.trim_end()
    )
}

fn write_line(page: &mut String, line: &Line<'_>, x: &Scale, y: &Scale) -> fmt::Result {
    let anytime = line.entry.anytime.iter();
    let points: String = anytime
        .map(|moment| point(x, y, moment.trials, moment.regret))
        .collect();
    writeln!(
        page,
        "<polyline class=\"line {}\" points=\"{}\"><title>{}</title></polyline>",
        line.classes(),
        points.trim_end(),
        Escaped(&line.entry.algorithm)
    )
}

fn point(x: &Scale, y: &Scale, trials: u64, regret: f64) -> String {
    format!("{:.1},{:.1} ", x.place(trials as f64), y.place(regret))
}
