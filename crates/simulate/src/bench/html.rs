//! The report of a comparison as one page: tables and plots, nothing from the network, no scripts.

mod forest;
mod plot;
mod scale;

use std::fmt::{self, Display, Write as _};

use super::{Entry, Group, Summary};

const STYLE: &str = include_str!("html/page.css");

/// How many colours the style has; further lines repeat them, dashed.
const COLOURS: usize = 8;

/// The page.
#[must_use]
pub fn page(summary: &Summary) -> String {
    let mut page = String::new();
    write_page(&mut page, summary).expect("a string takes all that is written");
    page
}

fn write_page(page: &mut String, summary: &Summary) -> fmt::Result {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>diwan bench</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Comparison of optimizers</h1>\n"
    )?;
    writeln!(
        page,
        "<p>{} of {} experiments of {} each, {} at once, with {}.</p>",
        summary.played,
        summary.planned,
        plural(summary.budget, "trial"),
        summary.workers,
        plural(summary.seeds.len() as u64, "seed"),
    )?;
    for group in &summary.groups {
        write_group(page, group)?;
    }
    page.push_str(NOTES);
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

const NOTES: &str = "<section class=\"notes\">\n<h2>How to read it</h2>\n\
    <p>A <b>regret</b> is what a result has above the optimum, at least 10⁻⁸. <b>Decades</b> say by how many powers of ten the \
    regret at the end is below that of random search on the same problem: the mean over cells, each a problem and a seed, with \
    its 95 % bootstrap interval. One problem that is solved to the floor moves the mean a lot: look at the median and the rank \
    too. Bands are 95 % intervals of the mean on these problems; how much \
    problems differ among themselves is left out. Of problems with noise the true value of what looks best counts. Cost is \
    processor time of the optimizer alone. Virtual seconds are how long an experiment takes with its workers, failures and \
    preemptions; a whole trial takes about one, or as long as was recorded.</p>\n</section>\n";

fn write_group(page: &mut String, group: &Group) -> fmt::Result {
    let lines = lines(group);
    writeln!(page, "<section>\n<h2>{}</h2>", Escaped(&group.name))?;
    writeln!(
        page,
        "<p>{} that everybody has played.</p>",
        plural(group.cells as u64, "cell")
    )?;
    write_legend(page, &lines)?;
    page.push_str("<figure>\n");
    plot::write(page, &lines)?;
    page.push_str("<figcaption>Regret while the budget is spent: mean of log₁₀, with its 95 % band.</figcaption>\n</figure>\n<figure>\n");
    forest::write(page, &lines)?;
    page.push_str("<figcaption>Decades below random search, with 95 % intervals; the ring is the median.</figcaption>\n</figure>\n");
    write_entries(page, &lines)?;
    write_duels(page, group)?;
    write_families(page, group)?;
    page.push_str("</section>\n");
    Ok(())
}

/// A contestant with its look.
struct Line<'a> {
    entry: &'a Entry,
    /// Which colour: those that are named first in the alphabet have the same in every group.
    colour: usize,
}

fn lines(group: &Group) -> Vec<Line<'_>> {
    let mut names: Vec<&str> = group
        .entries
        .iter()
        .map(|entry| entry.algorithm.as_str())
        .collect();
    names.sort_unstable();
    let colour = |entry: &Entry| {
        names
            .iter()
            .position(|name| *name == entry.algorithm)
            .unwrap_or_default()
    };
    let line = |entry| Line {
        entry,
        colour: colour(entry),
    };
    group.entries.iter().map(line).collect()
}

impl Line<'_> {
    /// The classes of what is drawn for it.
    fn classes(&self) -> String {
        let dashed = if self.colour >= COLOURS {
            " dashed"
        } else {
            ""
        };
        format!("c{}{dashed}", self.colour % COLOURS)
    }
}

fn write_legend(page: &mut String, lines: &[Line<'_>]) -> fmt::Result {
    page.push_str("<ul class=\"legend\">\n");
    for line in lines {
        writeln!(
            page,
            "<li class=\"{}\">{}</li>",
            line.classes(),
            Escaped(&line.entry.algorithm)
        )?;
    }
    page.push_str("</ul>\n");
    Ok(())
}

const COLUMNS: [&str; 14] = [
    "algorithm",
    "decades",
    "95 %",
    "median",
    "rank",
    "wins",
    "log₁₀ regret, half",
    "end",
    "ms a suggestion",
    "last 20",
    "trials",
    "stopped early",
    "failed",
    "virtual seconds",
];

fn write_entries(page: &mut String, lines: &[Line<'_>]) -> fmt::Result {
    write_head(page, COLUMNS.iter())?;
    for Line { entry, .. } in lines {
        let numbers = [
            signed(entry.decades),
            interval(entry.interval),
            signed(entry.median),
            format!("{:.2}", entry.rank),
            format!("{:.1}", entry.wins),
            level(entry.half),
            level(entry.end),
            format!("{:.3}", entry.cost_ms),
            format!("{:.3}", entry.last_cost_ms),
            format!("{:.1}", entry.trials),
            format!("{:.1}", entry.stopped),
            format!("{:.1}", entry.failed),
            format!("{:.2}", entry.seconds),
        ];
        write_row(page, &entry.algorithm, &numbers)?;
    }
    page.push_str(END);
    Ok(())
}

fn write_duels(page: &mut String, group: &Group) -> fmt::Result {
    page.push_str("<details>\n<summary>Head to head</summary>\n");
    write_head(
        page,
        ["algorithm", "against", "won", "decades ahead", "95 %"].iter(),
    )?;
    for duel in &group.duels {
        let cells = [
            Escaped(&duel.against).to_string(),
            format!("{:.0} %", 100.0 * duel.won),
            signed(duel.decades),
            interval(duel.interval),
        ];
        write_row(page, &duel.algorithm, &cells)?;
    }
    page.push_str(END);
    page.push_str("</details>\n");
    Ok(())
}

/// The regret on each problem; the best of each is bold.
fn write_families(page: &mut String, group: &Group) -> fmt::Result {
    let Some(first) = group.entries.first() else {
        return Ok(());
    };
    page.push_str("<details>\n<summary>log₁₀ regret on each problem</summary>\n");
    let names = group.entries.iter().map(|entry| entry.algorithm.as_str());
    write_head(page, std::iter::once("problem").chain(names))?;
    for (index, family) in first.families.iter().enumerate() {
        let regrets = group.entries.iter().map(|entry| entry.families.get(index));
        let regrets: Vec<Option<f64>> = regrets
            .map(|family| family.and_then(|family| family.regret))
            .collect();
        let least = regrets.iter().flatten().copied();
        let least = least.fold(f64::INFINITY, f64::min);
        let cell = |regret: &Option<f64>| match regret {
            None => NOTHING.to_owned(),
            Some(regret) if *regret <= least => format!("<b>{regret:.2}</b>"),
            Some(regret) => format!("{regret:.2}"),
        };
        write_row(
            page,
            &family.name,
            &regrets.iter().map(cell).collect::<Vec<_>>(),
        )?;
    }
    page.push_str(END);
    page.push_str("</details>\n");
    Ok(())
}

const END: &str = "</tbody>\n</table></div>\n";

fn write_head(page: &mut String, titles: impl Iterator<Item = impl Display>) -> fmt::Result {
    page.push_str("<div class=\"wide\"><table>\n<thead><tr>");
    for title in titles {
        write!(page, "<th>{}</th>", Escaped(&title.to_string()))?;
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    Ok(())
}

/// A row: its name is escaped, its cells are not.
fn write_row(page: &mut String, name: &str, cells: &[String]) -> fmt::Result {
    write!(page, "<tr><th>{}</th>", Escaped(name))?;
    for cell in cells {
        write!(page, "<td>{cell}</td>")?;
    }
    page.push_str("</tr>\n");
    Ok(())
}

/// Where there is no number.
const NOTHING: &str = "–";

fn level(regret: Option<f64>) -> String {
    regret.map_or_else(|| NOTHING.to_owned(), |regret| format!("{regret:.3}"))
}

/// With its sign, and never as minus nothing.
fn signed(number: f64) -> String {
    let rounded = (number * 1e3).round() / 1e3;
    format!("{:+.3}", rounded + 0.0)
}

fn interval(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(
        || NOTHING.to_owned(),
        |[low, high]| format!("{low:+.2} … {high:+.2}"),
    )
}

fn plural(count: u64, thing: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{end}")
}

/// Text that means itself in a page.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}
