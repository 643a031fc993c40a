//! Rows and resources of suggestions.

use diwan_core::view;
use diwan_store::TrialQuery;

use super::{Arguments, Listing, age, chosen};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Rows;

pub(super) async fn listing(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    let mut rows = Rows::new(&["name", "algorithm", "suggested", "state", "age"]);
    let mut items = Vec::new();
    for record in chosen(&arguments.names, context).await? {
        let progress = &record.progress;
        rows.rows.push(vec![
            record.metadata.name.clone(),
            record
                .spec
                .algorithm
                .as_ref()
                .map(|algorithm| algorithm.algorithm_name.clone())
                .unwrap_or_default(),
            progress.counts.trials.to_string(),
            view::suggestion_conditions(&record)
                .pop()
                .map(|condition| condition.kind)
                .unwrap_or_default(),
            age(progress.start_time),
        ]);
        if arguments.wants_objects() {
            let query = TrialQuery {
                limit: view::NAMES_CAP,
                newest_first: true,
                ..TrialQuery::of(record.key())
            };
            let mut trials = context.store.trials(&query).await?;
            trials.reverse();
            items.push(serde_json::to_value(view::suggestion(&record, &trials))?);
        }
    }
    let wide = Rows {
        titles: rows.titles.clone(),
        rows: rows.rows.clone(),
    };
    Ok(Listing { rows, wide, items })
}
