//! `diwan wait EXPERIMENT`.

use std::fmt;
use std::time::{Duration, Instant};

use clap::Args;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::ObjectiveType;

use crate::Exit;
use crate::clock::instant;
use crate::context::Context;
use crate::failure::Failure;
use crate::standing::Standing;
use crate::{output, result};

/// How long an experiment stands still before that is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// Wait until an experiment has ended, or is as good as wanted
///
/// Exit codes: 0 it happened, 1 the experiment failed or ended without it, 4 the time is up, 5 it was stopped early.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The experiment
    experiment: String,
    /// What to wait for: complete, or a bound on the best value such as best<0.1 or best>0.95
    #[arg(long = "for", value_name = "CONDITION", default_value = "complete", value_parser = target)]
    target: Target,
    /// Give up after this long: 90, 90s, 10m, 2h or 1d; by default never
    #[arg(long, value_parser = duration)]
    timeout: Option<Duration>,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Complete,
    Below(f64),
    Above(f64),
}

fn target(text: &str) -> Result<Target, String> {
    let usage = || "expected complete, best<NUMBER or best>NUMBER".to_owned();
    if text == "complete" {
        return Ok(Target::Complete);
    }
    let bound = text.strip_prefix("best").ok_or_else(usage)?;
    let number = |text: &str| {
        text.trim_start_matches('=')
            .parse::<f64>()
            .map_err(|_| usage())
    };
    if let Some(bound) = bound.strip_prefix('<') {
        return number(bound).map(Target::Below);
    }
    number(bound.strip_prefix('>').ok_or_else(usage)?).map(Target::Above)
}

/// Seconds, or a number with a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let usage = || "expected a time such as 90, 90s, 10m, 2h or 1d".to_owned();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(usage()),
    };
    let number: u64 = digits.parse().map_err(|_| usage())?;
    number
        .checked_mul(unit)
        .map(Duration::from_secs)
        .ok_or_else(usage)
}

impl Target {
    fn holds(self, record: &ExperimentRecord) -> bool {
        match (self, record.best_value()) {
            (Self::Complete, _) => record.progress.completion_time.is_some(),
            (Self::Below(bound), Some(best)) => best <= bound,
            (Self::Above(bound), Some(best)) => best >= bound,
            (Self::Below(_) | Self::Above(_), None) => false,
        }
    }
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let begun = instant();
    let mut version = 0;
    let mut stall = Stall::default();
    loop {
        let snapshot = context.experiment(&arguments.experiment).await?;
        if snapshot.version != version {
            version = snapshot.version;
            let record = &snapshot.record;
            warn_of_direction(arguments.target, record);
            if arguments.target.holds(record) {
                if let Some(best) = record.best_value() {
                    output::print_line(&best.to_string())?;
                }
                return Ok(if arguments.target == Target::Complete {
                    result::exit(record)
                } else {
                    Exit::Done
                });
            }
            if record.progress.completion_time.is_some() {
                eprintln!("the experiment has ended without it");
                return Ok(Exit::Failed);
            }
        }
        stall.look(arguments.target, context, &snapshot.record);
        if arguments
            .timeout
            .is_some_and(|limit| begun.elapsed() >= limit)
        {
            eprintln!("not within the timeout");
            return Ok(Exit::TimedOut);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("the end"),
            Self::Below(bound) => write!(f, "best<{bound}"),
            Self::Above(bound) => write!(f, "best>{bound}"),
        }
    }
}

/// That nothing happens to what is waited for.
#[derive(Default)]
struct Stall {
    since: Option<Instant>,
    told: Option<&'static str>,
}

impl Stall {
    /// Says once why the experiment stands still, and how to go on. Not at once: who has just made it may be about to run it.
    fn look(&mut self, target: Target, context: &Context, record: &ExperimentRecord) {
        let Some(trouble) = Standing::of(context, record).trouble() else {
            self.since = None;
            return;
        };
        let since = *self.since.get_or_insert_with(instant);
        if since.elapsed() >= PATIENCE && self.told != Some(trouble) {
            self.told = Some(trouble);
            let (name, program) = (&record.metadata.name, context.program());
            eprintln!(
                "waiting for {target} of experiment {name}, but {trouble}; go on with `{program} resume {name}`"
            );
        }
    }
}

/// A bound on the wrong side of the objective is most likely a slip.
fn warn_of_direction(target: Target, record: &ExperimentRecord) {
    let kind = record
        .spec
        .objective
        .as_ref()
        .map(|objective| objective.kind);
    let against = matches!(
        (target, kind),
        (Target::Below(_), Some(ObjectiveType::Maximize))
            | (Target::Above(_), Some(ObjectiveType::Minimize))
    );
    if against {
        eprintln!("warning: the objective moves away from this bound");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_times_are_read() {
        assert_eq!(target("best<0.1"), Ok(Target::Below(0.1)));
        assert_eq!(target("best>=0.95"), Ok(Target::Above(0.95)));
        assert!(target("best").is_err() && target("done").is_err() && target("best<x").is_err());
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert!(
            duration("m").is_err()
                && duration("1w").is_err()
                && duration("99999999999999999999d").is_err()
        );
    }
}
