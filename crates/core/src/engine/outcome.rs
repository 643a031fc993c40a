//! How an experiment ends.

/// How the message begins when the optimizer refuses the experiment.
const SUGGESTION_FAILED: &str = "Suggestion has failed: ";

/// How an experiment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A trial is as good as the goal.
    GoalReached,
    /// All trials that the budget allows have ended.
    MaxTrialsReached,
    /// The optimizer has no more points, and all trials have ended.
    SearchExhausted,
    /// The time is up.
    DeadlineReached,
    /// Somebody asked for the end.
    Stopped,
    /// Too many trials failed.
    MaxFailedReached,
    /// The optimizer refuses the experiment.
    SuggestionFailed(String),
}

impl Outcome {
    /// Type, reason and message of the condition. Types, and the reasons and messages of Katib's five outcomes, are Katib's; what
    /// failed last is added to the message of failures.
    #[must_use]
    pub fn condition(&self) -> (&'static str, &'static str, String) {
        let kind = match self {
            Self::MaxFailedReached | Self::SuggestionFailed(_) => "Failed",
            _ => "Succeeded",
        };
        (kind, self.reason(), self.message())
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::GoalReached => "ExperimentGoalReached",
            Self::MaxTrialsReached => "ExperimentMaxTrialsReached",
            Self::SearchExhausted => "ExperimentSuggestionEndReached",
            Self::DeadlineReached => "ExperimentDeadlineReached",
            Self::Stopped => "ExperimentStopped",
            Self::MaxFailedReached | Self::SuggestionFailed(_) => "ExperimentFailed",
        }
    }

    fn message(&self) -> String {
        let text = match self {
            Self::GoalReached => "Experiment has succeeded because Objective goal has reached",
            Self::MaxTrialsReached => {
                "Experiment has succeeded because max trial count has reached"
            }
            Self::SearchExhausted => {
                "Experiment has succeeded because suggestion service has reached the end"
            }
            Self::DeadlineReached => {
                "Experiment has ended because activeDeadlineSeconds has passed"
            }
            Self::Stopped => "Experiment was stopped on request",
            Self::MaxFailedReached => "Experiment has failed because max failed count has reached",
            Self::SuggestionFailed(why) => return format!("{SUGGESTION_FAILED}{why}"),
        };
        text.to_owned()
    }

    /// Why the optimizer refused the experiment, from the message of the condition that says so.
    #[must_use]
    pub fn suggestion_failure(message: &str) -> Option<&str> {
        message.strip_prefix(SUGGESTION_FAILED)
    }

    /// The outcome that a condition's reason tells; none for failures, which share one reason.
    #[must_use]
    pub fn of_reason(reason: &str) -> Option<Self> {
        [
            Self::GoalReached,
            Self::MaxTrialsReached,
            Self::SearchExhausted,
            Self::DeadlineReached,
            Self::Stopped,
        ]
        .into_iter()
        .find(|outcome| outcome.reason() == reason)
    }
}
