//! What every `Store` must do, how to make things to store, and a store that fails.
//!
//! `conforms` takes a maker of empty stores, `shares` one of pairs of handles on one empty database. Both panic at the first
//! thing that is not as it must be.

mod experiments;
mod faulty;
mod observations;
mod reports;
pub mod samples;
mod sharing;
mod trials;

use std::sync::Arc;

use diwan_store::Store;

pub use faulty::{Access, Faulty};

/// Checks what one handle must do.
pub async fn conforms(make: impl AsyncFn() -> Arc<dyn Store>) {
    experiments::what_is_created_is_loaded(&*make().await).await;
    experiments::creation_refuses_a_taken_name(&*make().await).await;
    experiments::what_is_committed_is_loaded(&*make().await).await;
    experiments::a_stale_commit_changes_nothing(&*make().await).await;
    experiments::a_commit_of_another_uid_finds_nothing(&*make().await).await;
    experiments::two_trials_cannot_share_a_name(&*make().await).await;
    experiments::times_keep_their_milliseconds(&*make().await).await;
    experiments::pages_of_experiments(&*make().await).await;
    experiments::deletion_takes_everything(&*make().await).await;
    experiments::changes_are_announced(&*make().await).await;
    experiments::a_dropped_call_leaves_nothing_half_done(&*make().await).await;
    trials::pages_of_trials(&*make().await).await;
    trials::trials_by_state(&*make().await).await;
    trials::trials_by_name(&*make().await).await;
    trials::foreign_trials(&*make().await).await;
    observations::points_come_back_as_reported(&*make().await).await;
    observations::repetition_changes_nothing(&*make().await).await;
    observations::large_reports(&*make().await).await;
    observations::queries(&*make().await).await;
    observations::cursors_move_with_points(&*make().await).await;
    observations::launches_and_trials_are_apart(&*make().await).await;
    observations::late_reports_reach_nobody(&*make().await).await;
    reports::points_come_back_in_order_of_arrival(&*make().await).await;
    reports::a_report_sent_again_adds_nothing(&*make().await).await;
    reports::a_report_with_a_moment_is_known_for_ever(&*make().await).await;
    reports::a_report_differs_from_the_last_in_anything(&*make().await).await;
    reports::a_large_report_is_kept_whole(&*make().await).await;
    reports::launches_are_apart(&*make().await).await;
    reports::reports_and_streams_are_apart(&*make().await).await;
    reports::what_is_forgotten_can_be_reported_again(&*make().await).await;
    reports::late_reports_reach_nobody(&*make().await).await;
}

/// Checks what two handles on one database must do.
pub async fn shares(make: impl AsyncFn() -> [Arc<dyn Store>; 2]) {
    sharing::each_sees_the_other(&make().await).await;
    sharing::of_two_commits_one_wins(&make().await).await;
    sharing::of_two_creations_one_wins(&make().await).await;
    sharing::two_reporters_of_the_same_points(&make().await).await;
    sharing::reports_at_the_same_time_stay_whole(&make().await).await;
    sharing::a_report_sent_through_both_is_kept_once(&make().await).await;
    sharing::deletions_at_the_same_time_are_complete(&make().await).await;
    sharing::writers_are_not_shut_out_by_a_deletion(&make().await).await;
}
