//! Early-stopping rules, evaluated on the points of a running trial.

use std::fmt;

use diwan_core::observation::MetricPoint;
use diwan_core::resources::{Comparison, EarlyStoppingRule, ObjectiveSpec, ObjectiveType};

/// A rule that cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("earlyStoppingRules[{index}].value: {value:?} is not a number to compare {metric} with")]
pub struct RuleError {
    /// Which rule, from 0.
    pub index: usize,
    /// Its metric.
    pub metric: String,
    /// Its value.
    pub value: String,
}

/// Watches the points of one trial for the moment at which all its rules have held.
///
/// A rule counts from the `startStep`-th report of its metric on, and what it has found once stays found. For the objective's
/// metric it compares the best value so far, for others the value reported. NaN and words count as reports and never hold.
#[derive(Clone, Debug)]
pub struct RuleWatch {
    objective: String,
    direction: ObjectiveType,
    best: Option<(f64, String)>,
    rules: Vec<Watched>,
}

#[derive(Clone, Debug)]
struct Watched {
    rule: EarlyStoppingRule,
    threshold: f64,
    reports: u64,
    fired: Option<FiredRule>,
}

/// All rules of a trial have held: it is to be stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// Each rule, with the value that it held for.
    pub rules: Vec<FiredRule>,
}

/// A rule that has held.
#[derive(Clone, Debug, PartialEq)]
pub struct FiredRule {
    /// The rule.
    pub rule: EarlyStoppingRule,
    /// The value that it held for, as reported.
    pub value: String,
    /// Number of the report of the metric at which it held, from 1.
    pub report: u64,
}

impl RuleWatch {
    /// Starts to watch. Without rules it never fires.
    ///
    /// # Errors
    /// When the value of a rule is not a number.
    pub fn new(rules: &[EarlyStoppingRule], objective: &ObjectiveSpec) -> Result<Self, RuleError> {
        let rules = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| Watched::new(index, rule))
            .collect::<Result<_, _>>()?;
        let objective_name = objective.objective_metric_name.clone();
        Ok(Self {
            objective: objective_name,
            direction: objective.kind,
            best: None,
            rules,
        })
    }

    /// Takes the next point; each point is to be given once, in the order of reporting. Says so, once, when with this point
    /// all rules have held.
    pub fn observe(&mut self, point: &MetricPoint) -> Option<Fired> {
        let reported = point.number().filter(|number| !number.is_nan());
        let compared = match reported {
            Some(number) if point.metric == self.objective => {
                Some(self.best_with(number, &point.value))
            }
            Some(number) => Some((number, point.value.clone())),
            None => None,
        };
        let mut news = false;
        for watched in self
            .rules
            .iter_mut()
            .filter(|watched| watched.rule.name == point.metric)
        {
            news |= watched.observe(compared.as_ref());
        }
        news.then(|| self.fired()).flatten()
    }

    fn best_with(&mut self, number: f64, text: &str) -> (f64, String) {
        match &self.best {
            Some(best) if !self.direction.better(number, best.0) => best.clone(),
            _ => self.best.insert((number, text.to_owned())).clone(),
        }
    }

    fn fired(&self) -> Option<Fired> {
        let rules: Option<Vec<FiredRule>> = self
            .rules
            .iter()
            .map(|watched| watched.fired.clone())
            .collect();
        rules.map(|rules| Fired { rules })
    }
}

impl Watched {
    fn new(index: usize, rule: &EarlyStoppingRule) -> Result<Self, RuleError> {
        match rule.value.trim().parse::<f64>() {
            Ok(threshold) if !threshold.is_nan() => Ok(Self {
                rule: rule.clone(),
                threshold,
                reports: 0,
                fired: None,
            }),
            _ => Err(RuleError {
                index,
                metric: rule.name.clone(),
                value: rule.value.clone(),
            }),
        }
    }

    /// Counts a report; whether the rule holds now for the first time.
    fn observe(&mut self, compared: Option<&(f64, String)>) -> bool {
        self.reports = self.reports.saturating_add(1);
        let start = u64::try_from(self.rule.start_step.unwrap_or(0)).unwrap_or(0);
        if self.fired.is_some() || self.reports < start {
            return false;
        }
        let Some((_, text)) = compared.filter(|(number, _)| self.holds(*number)) else {
            return false;
        };
        self.fired = Some(FiredRule {
            rule: self.rule.clone(),
            value: text.clone(),
            report: self.reports,
        });
        true
    }

    fn holds(&self, number: f64) -> bool {
        match self.rule.comparison {
            Comparison::Equal => number == self.threshold,
            Comparison::Less => number < self.threshold,
            Comparison::Greater => number > self.threshold,
        }
    }
}

impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fired) in self.rules.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{fired}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FiredRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = match self.rule.comparison {
            Comparison::Equal => "is",
            Comparison::Less => "is less than",
            Comparison::Greater => "is greater than",
        };
        write!(
            f,
            "{} {} {comparison} {} at report {}",
            self.rule.name, self.value, self.rule.value, self.report
        )
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::observation::{Place, Source};

    use super::*;
    use crate::wanted::objective;

    fn rule(
        name: &str,
        comparison: Comparison,
        value: &str,
        start_step: Option<i32>,
    ) -> EarlyStoppingRule {
        EarlyStoppingRule {
            name: name.into(),
            value: value.into(),
            comparison,
            start_step,
        }
    }

    fn point(metric: &str, value: &str) -> MetricPoint {
        let place = Place {
            source: Source::StdOut,
            offset: 0,
            index: 0,
        };
        MetricPoint {
            metric: metric.into(),
            value: value.into(),
            time_ns: None,
            step: None,
            place,
        }
    }

    /// What is said at each point.
    fn watch(rules: &[EarlyStoppingRule], points: &[(&str, &str)]) -> Vec<Option<String>> {
        let mut watch = RuleWatch::new(rules, &objective(&["acc", "loss"])).unwrap();
        points
            .iter()
            .map(|(metric, value)| {
                watch
                    .observe(&point(metric, value))
                    .map(|fired| fired.to_string())
            })
            .collect()
    }

    /// The index of the point that fires.
    fn firing(rules: &[EarlyStoppingRule], points: &[(&str, &str)]) -> Option<usize> {
        watch(rules, points).iter().position(Option::is_some)
    }

    #[test]
    fn a_rule_counts_from_its_start_step_on() {
        let points = [
            ("acc", "0.1"),
            ("loss", "9"),
            ("acc", "0.1"),
            ("acc", "0.1"),
        ];
        for (start, index) in [
            (None, 0),
            (Some(0), 0),
            (Some(1), 0),
            (Some(-1), 0),
            (Some(2), 2),
            (Some(3), 3),
        ] {
            assert_eq!(
                firing(&[rule("acc", Comparison::Less, "0.5", start)], &points),
                Some(index),
                "{start:?}"
            );
        }
    }

    #[test]
    fn the_objective_is_compared_at_its_best() {
        let points = [("acc", "0.6"), ("acc", "0.1"), ("acc", "0.2")];
        assert_eq!(
            firing(&[rule("acc", Comparison::Less, "0.5", Some(2))], &points),
            None
        );
        assert_eq!(
            firing(
                &[rule("loss", Comparison::Less, "0.5", None)],
                &[("loss", "0.6"), ("loss", "0.1")]
            ),
            Some(1)
        );
    }

    #[test]
    fn all_rules_must_have_held_and_it_is_said_once() {
        let rules = [
            rule("acc", Comparison::Less, "0.5", None),
            rule("loss", Comparison::Greater, "2", None),
        ];
        let points = [
            ("acc", "0.4"),
            ("acc", "0.9"),
            ("loss", "1"),
            ("loss", "3.0"),
            ("loss", "4"),
        ];
        let said = "acc 0.4 is less than 0.5 at report 1, loss 3.0 is greater than 2 at report 2";
        assert_eq!(
            watch(&rules, &points),
            [None, None, None, Some(said.to_owned()), None]
        );
    }

    #[test]
    fn nan_and_words_count_and_never_hold() {
        for comparison in [Comparison::Less, Comparison::Greater, Comparison::Equal] {
            let points = [("acc", "nan"), ("acc", "diverged"), ("acc", "")];
            assert_eq!(
                firing(&[rule("acc", comparison, "0.5", None)], &points),
                None
            );
        }
        let points = [("acc", "nan"), ("acc", "0.1")];
        assert_eq!(
            firing(&[rule("acc", Comparison::Less, "0.5", Some(2))], &points),
            Some(1)
        );
        assert_eq!(
            firing(
                &[rule("loss", Comparison::Greater, "5", None)],
                &[("loss", "inf")]
            ),
            Some(0)
        );
    }

    #[test]
    fn two_rules_of_one_metric_count_for_themselves() {
        let rules = [
            rule("acc", Comparison::Less, "0.5", Some(3)),
            rule("acc", Comparison::Equal, "0.1", Some(1)),
        ];
        assert_eq!(
            firing(&rules, &[("acc", "0.1"), ("acc", "0.2"), ("acc", "0.3")]),
            Some(2)
        );
    }

    #[test]
    fn no_rules_never_fire() {
        assert_eq!(firing(&[], &[("acc", "0")]), None);
    }

    #[test]
    fn a_value_that_is_no_number_is_refused() {
        let error = RuleWatch::new(
            &[rule("acc", Comparison::Less, "low", None)],
            &objective(&["acc"]),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "earlyStoppingRules[0].value: \"low\" is not a number to compare acc with"
        );
    }
}
