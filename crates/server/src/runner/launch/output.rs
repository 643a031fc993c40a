//! How the task of a launch reads, keeps and judges what the trial writes.

use diwan_collect::Summary;
use diwan_core::engine::Event;
use diwan_core::observation::{MetricPoint, Place};
use diwan_core::record::StopCause;
use diwan_core::resources::Observation;
use diwan_drivers::LaunchId;
use diwan_store::{ObservationQuery, StoreError};

use super::reading::Reading;
use super::{Message, RETRY, Task};
use crate::runner::tails::Tails;

/// Tries to read what a trial has written, once it has ended: a full table of open files, or a file server, comes back.
const TRIES: u32 = 60;

impl Task {
    /// The files of the launch, from where an earlier run stopped reading.
    pub(super) async fn tails(
        &self,
        id: &LaunchId,
        reading: &Reading,
    ) -> Result<Tails, StoreError> {
        if !self.options.reads_output {
            return Ok(Tails::default());
        }
        let cursors = match self.is_new {
            true => Vec::new(),
            false => {
                self.patiently(|| self.store.cursors(&self.reference))
                    .await?
            }
        };
        Ok(Tails::new(
            id,
            reading.collector.as_ref(),
            reading.metrics_file.as_deref(),
            &cursors,
        ))
    }

    /// Reads what is there, and stores it before anything is made of it. At the end, everything.
    pub(super) async fn collect(
        &mut self,
        tails: &mut Tails,
        reading: &mut Reading,
        to_the_end: bool,
    ) -> Result<(), StoreError> {
        let mut points = Vec::new();
        let mut tries = TRIES;
        loop {
            let look = tails.poll(&mut points);
            let is_over = look.read == 0 && (look.trouble.is_none() || tries == 0);
            if is_over && to_the_end {
                tails.finish(&mut points);
            }
            self.keep(&points, tails).await?;
            if let Some(summary) = &mut reading.summary {
                points.iter().for_each(|point| summary.add(point));
            }
            self.judge(&points, reading);
            points.clear();
            if is_over || !to_the_end {
                return Ok(());
            }
            if let Some(trouble) = look.trouble {
                self.tell(Message::Trouble(trouble));
                tries = tries.saturating_sub(1);
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn keep(&self, points: &[MetricPoint], tails: &mut Tails) -> Result<(), StoreError> {
        let moved = tails.moved(!points.is_empty());
        if points.is_empty() && moved.is_empty() {
            return Ok(());
        }
        self.patiently(|| self.store.append(&self.reference, points, &moved))
            .await?;
        tails.save();
        Ok(())
    }

    /// Lets the stopping rules see new points.
    fn judge(&self, points: &[MetricPoint], reading: &mut Reading) {
        for point in points {
            let fired = reading.observe(point);
            self.stop(fired, reading);
        }
    }

    /// Has the trial stopped for a reason, if there is one.
    fn stop(&self, reason: Option<String>, reading: &mut Reading) {
        let Some(message) = reason else { return };
        self.tell(Message::Event(Event::Stopping {
            trial: self.reference.number,
            cause: StopCause::RuleFired { message },
        }));
        reading.judges_no_more();
    }

    /// Lets the stopping rules see what an earlier run of Diwan has stored.
    pub(super) async fn catch_up(&self, reading: &mut Reading) -> Result<(), StoreError> {
        if !reading.is_judged() {
            return Ok(());
        }
        let mut fired = None;
        let see = |points: &[MetricPoint]| {
            for point in points {
                let reason = reading.recall(point);
                fired = fired.take().or(reason);
            }
        };
        self.each_page(None, see).await?;
        self.stop(fired, reading);
        Ok(())
    }

    /// Lets the stopping rules see what the trial has sent since the last look, if it is not read here.
    pub(super) async fn judge_pushed(&self, reading: &mut Reading) -> Result<(), StoreError> {
        if reading.collector.is_some() || !reading.is_judged() {
            return Ok(());
        }
        let last = reading.last_pushed();
        self.each_page(last, |points| self.judge(points, reading))
            .await
    }

    /// The summary of all points of this launch, whoever stored them.
    pub(super) async fn observation(&self, reading: &Reading) -> Result<Observation, StoreError> {
        if let Some(summary) = &reading.summary {
            return Ok(summary.observation());
        }
        let mut summary = Summary::new(&self.objective);
        self.each_page(None, |points| {
            points.iter().for_each(|point| summary.add(point))
        })
        .await?;
        Ok(summary.observation())
    }

    /// Reads the stored points of this launch behind a place, page by page.
    async fn each_page(
        &self,
        after: Option<Place>,
        mut see: impl FnMut(&[MetricPoint]),
    ) -> Result<(), StoreError> {
        let mut query = ObservationQuery {
            after,
            ..ObservationQuery::of(self.reference.clone())
        };
        loop {
            let page = self.patiently(|| self.store.observations(&query)).await?;
            see(&page);
            match page.last() {
                Some(last) if page.len() >= query.limit as usize => query.after = Some(last.place),
                _ => return Ok(()),
            }
        }
    }
}
