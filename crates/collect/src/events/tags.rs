//! Which tags are an experiment's metrics.

use std::path::Path;

use diwan_core::resources::ObjectiveSpec;

use crate::{CollectError, Wanted};

/// Finds the metrics that a tag stands for.
///
/// As in Katib, a metric `train/accuracy` is a tag `accuracy` in a file of a directory whose path ends with `train`, and a
/// metric without a directory is a tag in any. A tag that is the metric's whole name is it too.
///
/// TensorFlow numbers tags that come twice (`accuracy_1`), so a tag need only start with the metric's name; but once a
/// directory has the name itself, one that only starts with it is something else (`loss_extra` beside `loss`).
#[derive(Clone, Debug)]
pub struct Tags(Wanted);

impl Tags {
    /// For an experiment's metrics.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(objective: &ObjectiveSpec) -> Result<Self, CollectError> {
        Wanted::new(objective).map(Self)
    }

    /// Whether a tag is the name of a metric, with or without a directory.
    #[must_use]
    pub fn is_name(&self, tag: &str) -> bool {
        let last = |metric: &String| metric.rsplit_once('/').is_some_and(|(_, name)| name == tag);
        self.0.contains(tag) || self.0.names().iter().any(last)
    }

    /// The metrics that `tag` is in a file of `directory`, where `is_known` says which tags are there.
    pub fn metrics<'a>(
        &'a self,
        tag: &str,
        directory: &Path,
        is_known: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = &'a str> {
        let is_it = move |metric: &&String| {
            if metric.as_str() == tag {
                return true;
            }
            let (parent, name) = metric.rsplit_once('/').unwrap_or(("", metric));
            let is_here = parent.is_empty() || directory.to_string_lossy().ends_with(parent);
            let is_named = || tag == name || (tag.starts_with(name) && !is_known(name));
            is_here && is_named() && !is_known(metric)
        };
        let found: Vec<&str> = self
            .0
            .names()
            .iter()
            .filter(is_it)
            .map(String::as_str)
            .collect();
        found.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wanted::objective;

    fn metrics(wanted: &[&str], tags: &[&str], tag: &str, directory: &str) -> String {
        let finder = Tags::new(&objective(wanted)).unwrap();
        let is_known = |name: &str| tags.contains(&name);
        let found: Vec<&str> = finder
            .metrics(tag, Path::new(directory), is_known)
            .collect();
        found.join(" ")
    }

    #[test]
    fn a_directory_in_the_name_is_one_of_the_files() {
        let wanted = ["train/accuracy", "test/accuracy"];
        let tags = ["accuracy"];
        assert_eq!(
            metrics(&wanted, &tags, "accuracy", "/logs/train"),
            "train/accuracy"
        );
        assert_eq!(
            metrics(&wanted, &tags, "accuracy", "/logs/test"),
            "test/accuracy"
        );
        assert_eq!(metrics(&wanted, &tags, "accuracy", "/logs"), "");
        assert_eq!(
            metrics(&["accuracy"], &tags, "accuracy", "/logs/x"),
            "accuracy"
        );
    }

    #[test]
    fn a_tag_may_have_the_whole_name() {
        let tags = ["train/loss"];
        assert_eq!(
            metrics(&["train/loss"], &tags, "train/loss", "/logs"),
            "train/loss"
        );
    }

    #[test]
    fn a_numbered_tag_is_the_metric_unless_that_is_there() {
        assert_eq!(
            metrics(&["accuracy"], &["accuracy_1"], "accuracy_1", "/l"),
            "accuracy"
        );
        let tags = ["loss", "loss_extra"];
        assert_eq!(metrics(&["loss"], &tags, "loss_extra", "/l"), "");
        assert_eq!(metrics(&["loss"], &tags, "loss", "/l"), "loss");
        assert_eq!(
            metrics(&["loss", "loss_extra"], &tags, "loss_extra", "/l"),
            "loss_extra"
        );
    }
}
