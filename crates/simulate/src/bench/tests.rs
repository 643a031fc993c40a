use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::pattern::expand;
use crate::play::{Caller, Faults};

fn plan(problems: &str, contestants: &[&str], budget: u64, seeds: u64) -> Plan {
    let contestants = contestants.iter().map(|text| text.parse().unwrap());
    let options = Options {
        budget,
        seeds: (0..seeds).collect(),
        workers: 1,
        faults: Faults::default(),
    };
    Plan::new(expand(problems).unwrap(), contestants.collect(), options).unwrap()
}

fn played(plan: &Plan) -> BTreeMap<Cell, CellRun> {
    let caller = Caller {
        meter: &|| Duration::ZERO,
        goes_on: &|| true,
    };
    let play = |cell: Cell| (cell, cell.play(plan, &caller).unwrap());
    plan.cells().into_iter().map(play).collect()
}

/// A run that has reached these losses; the optimum is 0.
fn run(reached: &[f64]) -> CellRun {
    CellRun {
        reached: reached
            .iter()
            .map(|loss| loss.is_finite().then_some(*loss))
            .collect(),
        optimum: Some(0.0),
        trials: reached.len(),
        stopped: 0,
        failed: 3,
        seconds: 1.5,
        cost: Duration::from_millis(2),
        last_cost: Duration::from_millis(4),
    }
}

/// What `sobol` and random search, two seeds each, have reached on two problems.
fn made_up() -> (Plan, BTreeMap<Cell, CellRun>) {
    let plan = plan("bbob/f{1-2}/2d/i1", &["sobol"], 2, 2);
    let mut runs = BTreeMap::new();
    for (problem, contestant, losses) in [
        (0, 0, [[10.0, 1.0], [10.0, 0.01]]),
        (0, 1, [[1.0, 0.01], [1.0, 0.001]]),
        (1, 0, [[f64::NAN, 100.0], [1000.0, 100.0]]),
        (1, 1, [[100.0, 100.0], [100.0, 0.0]]),
    ] {
        for (seed, losses) in (0..).zip(losses) {
            let cell = Cell {
                seed,
                problem,
                contestant,
            };
            runs.insert(cell, run(&losses));
        }
    }
    (plan, runs)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn decades_are_counted_from_the_mean_of_random_search_on_the_same_problem() {
    let (plan, runs) = made_up();
    let summary = summary(&plan, &runs);
    let [group] = summary.groups.as_slice() else {
        panic!("{summary:?}")
    };
    let [sobol, random] = group.entries.as_slice() else {
        panic!("{group:?}")
    };
    assert_eq!((group.name.as_str(), group.cells), ("bbob/2d", 4));
    assert_eq!(
        (sobol.algorithm.as_str(), random.algorithm.as_str()),
        ("sobol", "random")
    );
    // Random search ends at 10^-1 and 10^2 on average; sobol at 10^-2, 10^-3, 10^2 and the floor, 10^-8.
    assert!(
        near(sobol.decades, (1.0 + 2.0 + 0.0 + 10.0) / 4.0),
        "{}",
        sobol.decades
    );
    assert!(near(sobol.median, 1.5));
    assert!(near(random.decades, 0.0));
    assert!(
        near(random.half.unwrap(), (1.0 + 1.0 + 3.0 + 3.0) / 4.0),
        "nothing reached is the worst that was: {:?}",
        random.half
    );
    let end = sobol.end.unwrap();
    assert!(near(end, (-2.0 - 3.0 + 2.0 - 8.0) / 4.0));
    assert!(near(sobol.rank, 1.125) && near(sobol.wins, 3.5));
    assert!(near(sobol.failed, 3.0) && near(sobol.seconds, 1.5));
    assert!(near(sobol.cost_ms, 2.0) && near(sobol.last_cost_ms, 4.0));
    let [duel] = group.duels.as_slice() else {
        panic!("{group:?}")
    };
    assert!(near(duel.won, 3.5 / 4.0) && near(duel.decades, sobol.decades));
    let [low, high] = duel.interval.unwrap();
    assert!(low <= duel.decades && duel.decades <= high);
    let ends: Vec<f64> = sobol.anytime.iter().map(|moment| moment.regret).collect();
    assert!(near(ends[0], (0.0 + 0.0 + 2.0 + 2.0) / 4.0) && near(ends[1], end));
    let families: Vec<&str> = sobol
        .families
        .iter()
        .map(|family| family.name.as_str())
        .collect();
    assert_eq!(families, ["bbob/f1/2d", "bbob/f2/2d"]);
}

#[test]
fn who_never_succeeds_has_no_regret() {
    let (plan, mut runs) = made_up();
    let nothing = run(&[f64::NAN, f64::NAN]);
    for (cell, run) in &mut runs {
        if cell.contestant == 0 && cell.problem == 0 {
            *run = nothing.clone();
        }
    }
    let entry = |runs: &BTreeMap<Cell, CellRun>| {
        let summary = summary(&plan, runs);
        let page = html::page(&summary);
        assert!(!page.contains("-0.000"), "{page}");
        let mut entries = summary.groups[0].entries.iter();
        let random = entries.find(|entry| entry.algorithm == "random").cloned();
        (random.unwrap(), page)
    };
    let none = |entry: &Entry| {
        let families = entry.families.iter();
        let families: Vec<bool> = families.map(|family| family.regret.is_none()).collect();
        (entry.half.is_none(), entry.end.is_none(), families)
    };
    let (some, _) = entry(&runs);
    assert_eq!(none(&some), (false, false, vec![true, false]));
    runs.values_mut().for_each(|run| *run = nothing.clone());
    let (all, page) = entry(&runs);
    assert_eq!(none(&all), (true, true, vec![true, true]));
    assert!(page.contains("<td>–</td>"), "{page}");
}

#[test]
fn only_what_everybody_has_played_counts() {
    let (plan, mut runs) = made_up();
    let lost = Cell {
        seed: 1,
        problem: 0,
        contestant: 1,
    };
    runs.remove(&lost);
    assert_eq!(summary(&plan, &runs).groups[0].cells, 3);
    runs.retain(|cell, _| cell.contestant == 0);
    let summary = summary(&plan, &runs);
    assert_eq!(
        (summary.groups[0].entries.len(), summary.groups[0].cells),
        (1, 4)
    );
    assert_eq!((summary.planned, summary.played), (8, 4));
}

#[test]
fn what_is_played_again_is_the_same() {
    let plan = plan("mixed/cliff/i0", &["sobol", "random:random_state=4"], 30, 3);
    let (once, again) = (played(&plan), played(&plan));
    assert_eq!(once, again);
    assert_eq!(summary(&plan, &once), summary(&plan, &again));
}

/// A round of hyperband is no end while there is budget left.
#[test]
fn rounds_go_on_until_the_budget_is_spent() {
    let trials = |budget| {
        let named = ["hyperband:resource_name=epochs:r_l=81"];
        let plan = plan("curves/digits-epochs", &named, budget, 1);
        let runs = played(&plan).into_iter();
        let mut trials = runs.filter(|(cell, _)| cell.contestant == 1);
        trials.next().unwrap().1.trials
    };
    let (few, many) = (trials(30), trials(90));
    assert!(many > 2 * few, "{few} {many}");
}

#[test]
fn the_yardstick_takes_part_once() {
    let plan = plan("bbob/f1/2d/i1", &["random", "sobol", "sobol"], 5, 1);
    let names: Vec<String> = plan.contestants().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["random", "sobol"]);
}

#[test]
fn a_seed_counts_once() {
    let options = Options {
        budget: 5,
        seeds: vec![1, 2, 1],
        workers: 1,
        faults: Faults::default(),
    };
    let plan = Plan::new(expand("bbob/f1/2d/i1").unwrap(), Vec::new(), options).unwrap();
    assert_eq!(
        (plan.options().seeds.as_slice(), plan.cells().len()),
        (&[1, 2][..], 2)
    );
}

#[test]
fn large_values_are_good_where_they_are_wanted() {
    let plan = plan(
        "curves/digits/i0",
        &["sobol+medianstop:start_step=10"],
        10,
        2,
    );
    for run in played(&plan).values() {
        let (optimum, last) = (run.optimum.unwrap(), run.reached.last().unwrap().unwrap());
        assert!(
            optimum < -0.9 && last >= optimum && last < -0.5,
            "{optimum} {last}"
        );
        assert!(run.reached.is_sorted_by(|a, b| a.is_none() || a >= b));
    }
}

#[test]
fn contestants_that_are_none_are_refused() {
    let told = |text: &str| text.parse::<Contestant>().unwrap_err().to_string();
    assert_eq!(
        told("sobel"),
        r#"algorithm "sobel": unknown algorithm "sobel"; did you mean sobol?"#
    );
    assert_eq!(
        told("sobol:7"),
        r#"algorithm "sobol:7": "7" is no setting; expected sobol:setting=value"#
    );
    assert!(told("sobol+medianstopp").contains("did you mean medianstop?"));
    assert!(told("sobol+medianstop:start_step=0").contains("must be a whole number"));
}

#[test]
fn a_problem_that_an_algorithm_cannot_search_is_told_before_anything_is_played() {
    let options = Options {
        budget: 5,
        seeds: vec![0],
        workers: 1,
        faults: Faults::default(),
    };
    let grid = vec!["grid".parse().unwrap()];
    let error = Plan::new(expand("bbob/f1/2d/i1").unwrap(), grid, options).unwrap_err();
    assert_eq!(error.to_string(), "grid cannot search bbob/f1/2d/i1");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains("must include step") && source.ends_with("(and 1 more)"),
        "{source}"
    );
}

#[test]
fn a_plan_that_nobody_lives_to_see_played_is_refused() {
    let options = Options {
        budget: 5,
        seeds: (0..10_000).collect(),
        workers: 1,
        faults: Faults::default(),
    };
    let sobol = vec!["sobol".parse().unwrap()];
    let error = Plan::new(expand("bbob/f1/{2-100}d").unwrap(), sobol, options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "99 problems, 2 algorithms (random search is one of them) and 10000 seeds make more than 1000000 experiments"
    );
}

#[test]
fn the_page_needs_nothing_else_and_shows_everybody() {
    let (plan, runs) = made_up();
    let mut summary = summary(&plan, &runs);
    summary.groups[0].entries[0].algorithm = "<sobol>".to_owned();
    let page = html::page(&summary);
    for needed in [
        "&lt;sobol&gt;",
        "random",
        "bbob/f2/2d",
        "<svg",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
    for outside in ["http", "<script", "<link", "NaN", "inf"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let (opened, closed) = (
        page.matches("<polyline").count(),
        page.matches("</polyline>").count(),
    );
    assert_eq!((opened, closed), (2, 2));
}
