//! `diwan bench`.

mod crew;
mod print;
mod report;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use clap::{Args, ValueEnum};
use diwan_simulate::bench::{
    BadContestant, Cell, CellError, Contestant, Options, Plan, Summary, summary,
};
use diwan_simulate::pattern::expand;
use diwan_simulate::play::Faults;
use diwan_simulate::suite::{NoProblem, ProblemName};

use self::crew::Crew;
use self::report::Report;
use super::run::until_asked_to_end;
use crate::Exit;
use crate::failure::Failure;
use crate::progress::count::Counter;

/// Compare optimizers on problems whose trials cost nothing
///
/// Every algorithm plays every problem with every seed on a virtual clock; random search takes part as the yardstick. Results
/// depend on nothing but the arguments; only what a suggestion costs is measured.
///
/// A regret is what a result has above the optimum. `decades` says by how many powers of ten it is below that of random search
/// with the same budget. Virtual seconds are how long an experiment takes until its last trial has ended. Ctrl-C prints what has
/// been played.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Names or patterns, such as bbob/f{1,8}/10d/i{1-3}, mixed or noisy/*/5d/i1; --list shows what there is
    #[arg(long, value_name = "PATTERN,…", required_unless_present = "list", value_parser = problems)]
    problems: Vec<Problems>,
    /// Names, with settings and a stopping rule if wanted, such as sobol,random:random_state=7+medianstop:start_step=5
    #[arg(long, value_name = "NAME,…", required_unless_present = "list", value_parser = contestant, value_delimiter = ',')]
    algorithms: Vec<Contestant>,
    /// How many whole trials an experiment may spend; what is stopped early leaves the rest of its cost to others
    #[arg(long, value_name = "TRIALS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    budget: u64,
    /// Every experiment is played once with each of them, such as 0-9 or 1,5,7
    #[arg(long, value_name = "SEEDS", default_value = "0-4", value_parser = seeds)]
    seeds: Seeds,
    /// How many trials run at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    workers: u32,
    /// The share of trials that fail by bad luck
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    failures: f64,
    /// The share of trials that succeed with NaN
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    nans: f64,
    /// The share of trials that lose their worker for a while and begin again
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    preemptions: f64,
    /// These trials go on where they were, as from a checkpoint
    #[arg(long, requires = "preemptions")]
    resumes: bool,
    /// How many experiments are played at once; by default one for each core
    #[arg(long)]
    jobs: Option<NonZero<u16>>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    /// Also write a report with plots, a page that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
    /// List the suites of problems and end
    #[arg(long)]
    list: bool,
}

/// Formats of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Aligned columns.
    #[default]
    Table,
    /// One JSON document, with anytime curves.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// What one value of `--problems` names.
#[derive(Clone, Debug)]
struct Problems(Vec<ProblemName>);

#[derive(Clone, Debug)]
struct Seeds(Vec<u64>);

fn problems(text: &str) -> Result<Problems, NoProblem> {
    let patterns = outside_braces(text).into_iter();
    let names: Result<Vec<_>, _> = patterns.map(expand).collect();
    let names = names?.concat();
    if names.is_empty() {
        return Err(NoProblem {
            name: text.to_owned(),
            reason: "it is no pattern; expected one such as bbob/f1/5d/i1".to_owned(),
        });
    }
    Ok(Problems(names))
}

/// The parts between commas that are not in braces.
fn outside_braces(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(|letter| {
        depth += match letter {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        letter == ',' && depth == 0
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

fn contestant(text: &str) -> Result<Contestant, BadContestant> {
    text.parse()
}

/// More say nothing that these do not.
const MOST_SEEDS: usize = 10_000;

fn seeds(text: &str) -> Result<Seeds, String> {
    let bad = || "expected whole numbers or ranges of them, such as 0-9 or 1,5,7".to_owned();
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| bad());
    let mut seeds = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(bad());
        }
        if seeds.len() + (last - first) as usize >= MOST_SEEDS {
            return Err(format!("expected at most {MOST_SEEDS} of them"));
        }
        seeds.extend((first..=last).map(u64::from));
    }
    Ok(Seeds(seeds))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

pub(crate) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.list {
        print::suites()?;
        return Ok(Exit::Done);
    }
    let plan = Arc::new(plan(arguments)?);
    // Before anything is played: whoever waited for it wants it written.
    let report = arguments.html.as_deref().map(Report::open).transpose()?;
    let (summary, exit) = play(&plan, arguments).await;
    if summary.groups.is_empty() {
        return Err(Failure::new(
            exit,
            "no problem has been played by everybody yet",
        ));
    }
    // Whoever reads what is printed may stop reading.
    if let Some(report) = report {
        report.write(&summary)?;
    }
    print::summary(&summary, arguments.output)?;
    Ok(exit)
}

fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let problems = arguments
        .problems
        .iter()
        .flat_map(|problems| problems.0.clone());
    let options = Options {
        budget: arguments.budget,
        seeds: arguments.seeds.0.clone(),
        workers: arguments.workers,
        faults: Faults {
            failures: arguments.failures,
            nans: arguments.nans,
            preemptions: arguments.preemptions,
            resumes: arguments.resumes,
        },
    };
    let plan = Plan::new(problems.collect(), arguments.algorithms.clone(), options);
    plan.map_err(|error| {
        let failure = Failure::of(Exit::Usage, &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Plays until all is done or somebody wants the end.
async fn play(plan: &Arc<Plan>, arguments: &Arguments) -> (Summary, Exit) {
    let cells = plan.cells().len();
    let jobs = arguments.jobs.map(NonZero::<usize>::from);
    let jobs = jobs.or_else(|| thread::available_parallelism().ok());
    let mut crew = Crew::start(plan, jobs.map_or(1, NonZero::get).min(cells));
    let mut counter = Counter::new(cells, "experiments", arguments.quiet);
    let (mut runs, mut failures) = (BTreeMap::new(), BTreeMap::new());
    let end = until_asked_to_end();
    tokio::pin!(end);
    let is_stopped = loop {
        let played = tokio::select! {
            played = crew.next() => played,
            () = &mut end => break true,
        };
        let Some((cell, played)) = played else {
            break false;
        };
        match played {
            Ok(run) => {
                runs.insert(cell, run);
                counter.one_more();
            }
            Err(error) => {
                let count = failures.entry(cell.contestant).or_insert(0_u64);
                *count += 1;
                // One tells what there is to know of them.
                if *count == 1 {
                    counter.say(&failure(plan, &cell, &error));
                }
            }
        }
    };
    crew.stop();
    counter.clear();
    for (contestant, count) in &failures {
        let who = &plan.contestants()[*contestant];
        eprintln!("{who} has not come to the end of {count} of its experiments");
    }
    let exit = match (is_stopped, failures.is_empty()) {
        (true, _) => Exit::Stopped,
        (false, false) => Exit::Failed,
        (false, true) => Exit::Done,
    };
    (summary(plan, &runs), exit)
}

fn failure(plan: &Plan, cell: &Cell, error: &CellError) -> String {
    let who = &plan.contestants()[cell.contestant];
    let problem = &plan.problems()[cell.problem];
    format!("{who} on {problem} with seed {}: {error}", cell.seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_braces_separate_nothing() {
        let parts = outside_braces("bbob/f{1,8}/5d, mixed,,noisy/f{1-3,7}");
        assert_eq!(parts, ["bbob/f{1,8}/5d", "mixed", "noisy/f{1-3,7}"]);
    }

    #[test]
    fn at_least_one_problem_is_named() {
        assert!(problems("").is_err() && problems(" ,").is_err());
        assert_eq!(problems("bbob/f1,curves").unwrap().0.len(), 3);
    }

    #[test]
    fn seeds_are_numbers_and_ranges() {
        assert_eq!(seeds("1,5-7").unwrap().0, [1, 5, 6, 7]);
        for bad in ["", "a", "7-5", "-1", "1-"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
        assert_eq!(seeds("0-9999").unwrap().0.len(), 10_000);
        for many in ["0-10000", "0-4000000000", "0-5999,0-5999"] {
            assert_eq!(
                seeds(many).unwrap_err(),
                "expected at most 10000 of them",
                "{many}"
            );
        }
    }

    #[test]
    fn shares_are_from_nothing_to_all() {
        assert_eq!(share("0.2"), Ok(0.2));
        for bad in ["-0.1", "1.1", "nan", "x"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
