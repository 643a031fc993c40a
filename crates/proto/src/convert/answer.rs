//! Answers of Diwan's own suggestion service.

use diwan_core::engine::Point;
use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::{AlgorithmSetting, Comparison, EarlyStoppingRule, ParameterAssignment};

use super::path::{Path, specified};
use crate::diwan;
use crate::diwan::suggest_reply::State;

/// What the service answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The points.
    pub points: Vec<Point>,
    /// State that the optimizer wants back.
    pub settings: Vec<AlgorithmSetting>,
    /// Whether there is more to come.
    pub more: More,
}

/// Whether there is more to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum More {
    /// It can be asked again at once.
    Now,
    /// When another trial has ended; what it waits for.
    Later(String),
    /// There are no more points.
    Never,
}

/// The message of an answer.
#[must_use]
pub fn write(answer: &Answer) -> diwan::SuggestReply {
    let (state, why) = match &answer.more {
        More::Now => (State::Ready, ""),
        More::Later(why) => (State::Waiting, why.as_str()),
        More::Never => (State::Exhausted, "the search is exhausted"),
    };
    let setting = |setting: &AlgorithmSetting| diwan::Setting {
        name: setting.name.clone(),
        value: setting.value.clone(),
    };
    diwan::SuggestReply {
        points: answer.points.iter().map(write_point).collect(),
        settings: answer.settings.iter().map(setting).collect(),
        state: state.into(),
        why: why.to_owned(),
    }
}

fn write_point(point: &Point) -> diwan::Point {
    let assignment = |assignment: &ParameterAssignment| diwan::Assignment {
        name: assignment.name.clone(),
        value: assignment.value.clone(),
    };
    diwan::Point {
        assignments: point.assignments.iter().map(assignment).collect(),
        labels: point.labels.clone(),
        name: point.name.clone(),
        rules: point.rules.iter().map(write_rule).collect(),
    }
}

fn write_rule(rule: &EarlyStoppingRule) -> diwan::Rule {
    diwan::Rule {
        metric: rule.name.clone(),
        value: rule.value.clone(),
        comparison: match rule.comparison {
            Comparison::Equal => diwan::rule::Comparison::Equal.into(),
            Comparison::Less => diwan::rule::Comparison::Less.into(),
            Comparison::Greater => diwan::rule::Comparison::Greater.into(),
        },
        start_step: rule.start_step.and_then(|step| u32::try_from(step).ok()),
    }
}

/// The answer in a message.
///
/// # Errors
/// When the state or a comparison is none that this program knows.
pub fn read(message: diwan::SuggestReply) -> Result<Answer, Problems> {
    let mut problems = Vec::new();
    let more = read_state(message.state, message.why, &mut problems);
    let at = Path::root("points");
    let points = message.points.into_iter().enumerate();
    let setting = |diwan::Setting { name, value }| AlgorithmSetting { name, value };
    let answer = Answer {
        points: points
            .map(|(index, point)| read_point(point, at.index(index), &mut problems))
            .collect(),
        settings: message.settings.into_iter().map(setting).collect(),
        more,
    };
    Problems(problems).or(answer)
}

fn read_state(state: i32, why: String, problems: &mut Vec<Problem>) -> More {
    let right = "STATE_READY (1), STATE_EXHAUSTED (2), STATE_WAITING (3)";
    match specified(state, right, Path::root("state"), problems) {
        State::Unspecified | State::Ready => More::Now,
        State::Waiting => More::Later(why),
        State::Exhausted => More::Never,
    }
}

fn read_point(message: diwan::Point, at: Path<'_>, problems: &mut Vec<Problem>) -> Point {
    let assignment = |diwan::Assignment { name, value }| ParameterAssignment { name, value };
    let at = at.field("rules");
    let rules = message.rules.into_iter().enumerate();
    Point {
        name: message.name,
        assignments: message.assignments.into_iter().map(assignment).collect(),
        rules: rules
            .map(|(index, rule)| read_rule(rule, at.index(index), problems))
            .collect(),
        labels: message.labels,
    }
}

fn read_rule(message: diwan::Rule, at: Path<'_>, problems: &mut Vec<Problem>) -> EarlyStoppingRule {
    let at = at.field("comparison");
    let right = "COMPARISON_EQUAL (1), COMPARISON_LESS (2), COMPARISON_GREATER (3)";
    let comparison = match specified(message.comparison, right, at, problems) {
        diwan::rule::Comparison::Unspecified | diwan::rule::Comparison::Equal => Comparison::Equal,
        diwan::rule::Comparison::Less => Comparison::Less,
        diwan::rule::Comparison::Greater => Comparison::Greater,
    };
    let start_step = message.start_step;
    EarlyStoppingRule {
        name: message.metric,
        value: message.value,
        comparison,
        start_step: start_step.map(|step| i32::try_from(step).unwrap_or(i32::MAX)),
    }
}
