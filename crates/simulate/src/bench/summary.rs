//! What a comparison says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cell::{Cell, CellRun};
use super::plan::{Plan, YARDSTICK};
use super::score::log_regrets;
use super::statistics::{Bootstrap, mean, median, ranks, wins, won};
use crate::play::Faults;

/// Moments of an anytime curve, at most.
const MOMENTS: u64 = 60;

/// What a comparison says, of the experiments that have been played.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many whole trials an experiment may spend.
    pub budget: u64,
    /// How many trials run at once.
    pub workers: u32,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// What went wrong.
    pub faults: Faults,
    /// How many experiments were planned.
    pub planned: usize,
    /// How many of them came to their end.
    pub played: usize,
    /// Problems of one kind and size together, and then all, if there are several kinds.
    pub groups: Vec<Group>,
}

/// The results on some problems.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// How many pairs of a problem and a seed everybody has played; nothing else counts.
    pub cells: usize,
    /// Everybody who has played, the best first.
    pub entries: Vec<Entry>,
    /// Everybody against everybody below.
    pub duels: Vec<Duel>,
}

/// How one contestant did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Who.
    pub algorithm: String,
    /// Mean of the regret's common logarithm after half of the budget; none while no trial has succeeded on any cell.
    pub half: Option<f64>,
    /// The same at the end.
    pub end: Option<f64>,
    /// By how many powers of ten the regret at the end is below that of random search: the mean.
    pub decades: f64,
    /// Where that mean lies with 95 % confidence.
    pub interval: Option<[f64; 2]>,
    /// The median of the same.
    pub median: f64,
    /// Mean rank, 1 for the best.
    pub rank: f64,
    /// Won cells; a win that several share counts in parts.
    pub wins: f64,
    /// What a suggestion cost, in milliseconds of processor time.
    pub cost_ms: f64,
    /// The same of the last twenty of an experiment.
    pub last_cost_ms: f64,
    /// How many trials an experiment had, on average.
    pub trials: f64,
    /// How many of them were stopped early.
    pub stopped: f64,
    /// How many failed, or gave no number.
    pub failed: f64,
    /// Virtual time until the last of them ended, in seconds.
    pub seconds: f64,
    /// The regret while the budget is spent.
    pub anytime: Vec<Moment>,
    /// The regret on each problem, all its instances and seeds together.
    pub families: Vec<Family>,
}

/// One moment of an anytime curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// How many whole trials are spent.
    pub trials: u64,
    /// Mean of the regret's common logarithm.
    pub regret: f64,
    /// Where that mean lies with 95 % confidence, on these problems: how much they differ among themselves is left out.
    pub interval: Option<[f64; 2]>,
}

/// Results on one problem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    /// The problem, without its instance.
    pub name: String,
    /// Mean of the regret's common logarithm at the end; none if no trial has succeeded there.
    pub regret: Option<f64>,
}

/// One contestant against another, on the same cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duel {
    /// Who.
    pub algorithm: String,
    /// Against whom.
    pub against: String,
    /// Share of the cells that the first has won; a draw is half a win.
    pub won: f64,
    /// By how many powers of ten the regret of the first is lower: the mean.
    pub decades: f64,
    /// Where that mean lies with 95 % confidence.
    pub interval: Option<[f64; 2]>,
}

/// The summary of what has been played of a plan.
#[must_use]
pub fn summary(plan: &Plan, runs: &BTreeMap<Cell, CellRun>) -> Summary {
    let table = Table {
        plan,
        runs,
        regrets: log_regrets(runs),
    };
    let mut names: Vec<String> = Vec::new();
    for problem in plan.problems() {
        if !names.contains(&problem.group()) {
            names.push(problem.group());
        }
    }
    let of = |name: &String| {
        let is_in = |problem: usize| plan.problems()[problem].group() == *name;
        table.group(name, is_in)
    };
    let mut groups: Vec<Group> = names.iter().filter_map(of).collect();
    if groups.len() > 1 {
        groups.extend(table.group("all", |_| true));
    }
    let options = plan.options();
    Summary {
        budget: options.budget,
        workers: options.workers,
        seeds: options.seeds.clone(),
        faults: options.faults,
        planned: plan.cells().len(),
        played: runs.len(),
        groups,
    }
}

/// All that was played.
struct Table<'a> {
    plan: &'a Plan,
    runs: &'a BTreeMap<Cell, CellRun>,
    regrets: BTreeMap<Cell, Vec<f64>>,
}

impl Table<'_> {
    /// The results on the problems that `is_in` takes; nothing if there is no cell that everybody has played.
    fn group(&self, name: &str, is_in: impl Fn(usize) -> bool) -> Option<Group> {
        let all = self.plan.contestants();
        let has_any = |contestant: &usize| {
            let mut played = self.runs.keys();
            played.any(|cell| cell.contestant == *contestant && is_in(cell.problem))
        };
        let contestants: Vec<usize> = (0..all.len()).filter(has_any).collect();
        // A cell of somebody stands for those of all.
        let is_shared = |cell: &&Cell| {
            let mut own = contestants.iter().map(|&contestant| Cell {
                contestant,
                ..**cell
            });
            cell.contestant == 0
                && is_in(cell.problem)
                && own.all(|cell| self.runs.contains_key(&cell))
        };
        let cells: Vec<Cell> = self.runs.keys().filter(is_shared).copied().collect();
        if cells.is_empty() {
            return None;
        }
        Some(Results::new(self, cells).group(name, &contestants))
    }
}

/// The cells of a group.
struct Results<'a> {
    table: &'a Table<'a>,
    cells: Vec<Cell>,
    bootstrap: Bootstrap,
    /// The logarithm of random search's regret at the end, cell by cell: the mean over all seeds on the cell's problem.
    yardstick: Vec<f64>,
}

impl<'a> Results<'a> {
    fn new(table: &'a Table<'a>, cells: Vec<Cell>) -> Self {
        let mut results = Self {
            table,
            bootstrap: Bootstrap::new(cells.len()),
            cells,
            yardstick: Vec::new(),
        };
        let mut of_problem: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let finals = results.regrets(0, results.budget());
        for (cell, regret) in results.cells.iter().zip(finals) {
            of_problem.entry(cell.problem).or_default().push(regret);
        }
        let level = |cell: &Cell| {
            of_problem
                .get(&cell.problem)
                .map_or(0.0, |regrets| mean(regrets))
        };
        results.yardstick = results.cells.iter().map(level).collect();
        results
    }

    fn group(&self, name: &str, contestants: &[usize]) -> Group {
        let finals: Vec<Vec<f64>> = contestants
            .iter()
            .map(|one| self.regrets(*one, self.budget()))
            .collect();
        let (mut rank, mut win) = (vec![0.0; contestants.len()], vec![0.0; contestants.len()]);
        for cell in 0..self.cells.len() {
            let scores: Vec<f64> = finals.iter().map(|finals| finals[cell]).collect();
            add(&mut rank, &ranks(&scores));
            add(&mut win, &wins(&scores));
        }
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for (place, contestant) in contestants.iter().enumerate() {
            let mut entry = self.entry(*contestant, &finals[place]);
            entry.rank = rank[place] / self.cells.len() as f64;
            entry.wins = win[place];
            entries.push((place, entry));
        }
        entries.sort_by(|(_, a), (_, b)| b.decades.total_cmp(&a.decades));
        let mut duels = Vec::new();
        for (index, (one, entry)) in entries.iter().enumerate() {
            for (other, against) in &entries[index + 1..] {
                duels.push(self.duel((entry, &finals[*one]), (against, &finals[*other])));
            }
        }
        Group {
            name: name.to_owned(),
            cells: self.cells.len(),
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
            duels,
        }
    }

    fn budget(&self) -> u64 {
        self.table.plan.options().budget
    }

    /// Whether one of a contestant's first so many whole trials on a cell has succeeded.
    fn has_reached(&self, contestant: usize, cell: &Cell, trials: u64) -> bool {
        let own = Cell {
            contestant,
            ..*cell
        };
        let reached = self.table.runs.get(&own).map(|run| &run.reached);
        reached.is_some_and(|reached| matches!(reached.get(place(trials)), Some(Some(_))))
    }

    /// The logarithms of a contestant's regrets after so many whole trials, cell by cell.
    fn regrets(&self, contestant: usize, trials: u64) -> Vec<f64> {
        let place = place(trials);
        let regret = |cell: &Cell| {
            let own = Cell {
                contestant,
                ..*cell
            };
            let regrets = self.table.regrets.get(&own);
            regrets
                .and_then(|regrets| regrets.get(place))
                .copied()
                .unwrap_or_default()
        };
        self.cells.iter().map(regret).collect()
    }

    fn runs(&self, contestant: usize) -> impl Iterator<Item = &CellRun> {
        let own = move |cell: &Cell| Cell {
            contestant,
            ..*cell
        };
        self.cells
            .iter()
            .filter_map(move |cell| self.table.runs.get(&own(cell)))
    }

    /// All but rank and wins, which depend on the others.
    fn entry(&self, contestant: usize, finals: &[f64]) -> Entry {
        let gains = self.gains(finals);
        let mean_of = |number: fn(&CellRun) -> f64| {
            let numbers: Vec<f64> = self.runs(contestant).map(number).collect();
            mean(&numbers)
        };
        let middle = (self.budget() / 2).max(1);
        let half = self.regrets(contestant, middle);
        let has_reached = |trials| {
            let mut cells = self.cells.iter();
            cells.any(|cell| self.has_reached(contestant, cell, trials))
        };
        Entry {
            algorithm: self.table.plan.contestants()[contestant].to_string(),
            half: has_reached(middle).then(|| mean(&half)),
            end: has_reached(self.budget()).then(|| mean(finals)),
            decades: mean(&gains),
            interval: self.bootstrap.interval(&gains),
            median: median(&gains),
            rank: 0.0,
            wins: 0.0,
            cost_ms: mean_of(|run| run.cost.as_secs_f64() * 1e3),
            last_cost_ms: mean_of(|run| run.last_cost.as_secs_f64() * 1e3),
            trials: mean_of(|run| run.trials as f64),
            stopped: mean_of(|run| run.stopped as f64),
            failed: mean_of(|run| run.failed as f64),
            seconds: mean_of(|run| run.seconds),
            anytime: moments(self.budget())
                .map(|trials| self.moment(contestant, trials))
                .collect(),
            families: self.families(contestant, finals),
        }
    }

    /// By how much each regret is below that of the yardstick.
    fn gains(&self, regrets: &[f64]) -> Vec<f64> {
        let pairs = self.yardstick.iter().zip(regrets);
        pairs
            .map(|(yardstick, regret)| yardstick - regret)
            .collect()
    }

    /// The band leaves out how much problems differ among themselves, which says nothing of anybody.
    fn moment(&self, contestant: usize, trials: u64) -> Moment {
        let gains = self.gains(&self.regrets(contestant, trials));
        let level = mean(&self.yardstick);
        let interval = self.bootstrap.interval(&gains);
        Moment {
            trials,
            regret: level - mean(&gains),
            interval: interval.map(|[low, high]| [level - high, level - low]),
        }
    }

    fn families(&self, contestant: usize, finals: &[f64]) -> Vec<Family> {
        let mut families: Vec<(String, Vec<f64>, bool)> = Vec::new();
        for (cell, regret) in self.cells.iter().zip(finals) {
            let name = self.table.plan.problems()[cell.problem].family();
            let reached = self.has_reached(contestant, cell, self.budget());
            match families.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, regrets, any)) => {
                    regrets.push(*regret);
                    *any |= reached;
                }
                None => families.push((name, vec![*regret], reached)),
            }
        }
        let family = |(name, regrets, reached): (String, Vec<f64>, bool)| Family {
            name,
            regret: reached.then(|| mean(&regrets)),
        };
        families.into_iter().map(family).collect()
    }

    fn duel(&self, (entry, own): (&Entry, &[f64]), (against, others): (&Entry, &[f64])) -> Duel {
        let pairs = || own.iter().copied().zip(others.iter().copied());
        let ahead: Vec<f64> = pairs().map(|(own, other)| other - own).collect();
        let won: Vec<f64> = pairs().map(|(own, other)| won(own, other)).collect();
        Duel {
            algorithm: entry.algorithm.clone(),
            against: against.algorithm.clone(),
            won: mean(&won),
            decades: mean(&ahead),
            interval: self.bootstrap.interval(&ahead),
        }
    }
}

/// Where a run says what it had reached after so many whole trials.
fn place(trials: u64) -> usize {
    usize::try_from(trials.saturating_sub(1)).unwrap_or(usize::MAX)
}

/// The moments at which curves are looked at, the last at the end.
fn moments(budget: u64) -> impl Iterator<Item = u64> {
    let count = budget.min(MOMENTS);
    (1..=count).map(move |index| index * budget / count)
}

fn add(sums: &mut [f64], more: &[f64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

impl Entry {
    /// Whether this is what all others are measured against.
    #[must_use]
    pub fn is_yardstick(&self) -> bool {
        self.algorithm == YARDSTICK
    }
}
