//! The driver itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::End;
use diwan_core::view::EXPERIMENT_LABEL;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, PostParams, Preconditions};
use kube::core::Status;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::conditions::Verdict;
use super::kinds::Kinds;
use super::roster::{Found, Launch, Roster, Sight};
use super::{ATTEMPT_ANNOTATION, TRIAL_LABEL, attempt, pods};
use crate::DEFAULT_GRACE;
use crate::driver::{Driver, DriverError, Phase, TrialPlan};
use crate::launch::LaunchId;

/// After a refusal, which the next trial of the experiment will meet as well: without a limit of failures it would be one trial
/// after the other, as fast as the cluster answers.
const AFTER_REFUSAL: Duration = Duration::from_secs(5);

/// Keeps, where no crash reaches it, which launches there ever were, and what they reported.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes note that an attempt of a trial is about to be launched, before it is.
    ///
    /// # Errors
    /// When that cannot be noted. The call may be repeated.
    async fn claim(&self, plan: &TrialPlan) -> Result<Claim, DriverError>;

    /// Told of the job that was made for the owner that [`Ledger::claim`] has found.
    fn made(&self, job: &DynamicObject, owner: &Value);

    /// Told of a launch that has ended, before anybody else: what it reported and is not kept yet is kept then. Its job `is_gone`
    /// if it was stopped, and its pods with it.
    ///
    /// # Errors
    /// When that is not possible now. The call may be repeated.
    async fn settle(&self, id: &LaunchId, is_gone: bool) -> Result<(), DriverError>;

    /// What a pod of a launch said last, if it had to complain and may be gone.
    fn last_words(&self, id: &LaunchId) -> Option<String>;

    /// Told of what is in the way of a launch's job, as the job itself says; `None` when nothing is any more.
    fn hindered(&self, id: &LaunchId, why: Option<String>);

    /// Whether the experiment of a launch is being deleted, and all that belongs to it: what becomes of a job then is no end of a
    /// trial.
    async fn is_going(&self, id: &LaunchId) -> bool;
}

/// What [`Ledger::claim`] has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Whether nobody has claimed this attempt before.
    pub is_new: bool,
    /// The owner reference of what the trial's job belongs to.
    pub owner: Value,
}

/// Runs trials as objects of a cluster.
pub struct KubernetesDriver {
    client: Client,
    ledger: Arc<dyn Ledger>,
    kinds: Kinds,
    roster: Arc<Roster>,
    turns: Semaphore,
    removals: Semaphore,
}

/// Launches, and looks at pods that failed, at one time, of all experiments: each takes a connection to the API server, and more
/// only wait there, where they are in the way of others.
const AT_ONCE: usize = 64;
/// How long the right to make a job may come late, and how often it is looked for.
const RIGHTS: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);
/// Removals at one time. Nobody waits for them as for a launch.
const REMOVALS: usize = 16;

/// After the grace, as long again for the cluster to get to it; then pods are removed by force.
const SLACK: Duration = Duration::from_secs(30);
/// How long the removal of an object may take before it is asked for again.
const PATIENCE: Duration = Duration::from_secs(60);

// === impl KubernetesDriver ===

impl KubernetesDriver {
    /// A driver of a cluster.
    #[must_use]
    pub fn new(client: Client, ledger: Arc<dyn Ledger>) -> Self {
        let of_jobs = ledger.clone();
        let roster = Arc::new(Roster::new(move |id, why| of_jobs.hindered(id, why)));
        Self {
            kinds: Kinds::new(client.clone(), roster.clone()),
            client,
            ledger,
            roster,
            turns: Semaphore::new(AT_ONCE),
            removals: Semaphore::new(REMOVALS),
        }
    }

    /// Removes the job of a trial that is over and recorded: the object of the Trial's name, of the kind that `manifest` says, if
    /// it belongs to the owner of this uid. What is gone is gone.
    ///
    /// # Errors
    /// When it cannot be removed now. The call may be repeated.
    pub async fn release(
        &self,
        namespace: &str,
        trial: &str,
        owner: &str,
        manifest: &Map<String, Value>,
    ) -> Result<(), DriverError> {
        let cannot = |source| DriverError::Kubernetes {
            doing: format!("remove the job of {trial}"),
            source: Box::new(source),
        };
        let resource = self.kinds.resolve(manifest).await?;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource);
        let found = api.get_opt(trial).await.map_err(cannot)?;
        let Some(job) = found.filter(|found| belongs(found, owner)) else {
            return Ok(());
        };
        let only_this = Preconditions {
            uid: job.metadata.uid,
            ..Preconditions::default()
        };
        // Nobody waits for its pods, and to remove it behind them costs the cluster three times as much.
        let how = DeleteParams::background().preconditions(only_this);
        match api.delete(trial, &how).await {
            // Somebody was faster; another of its name is not this one.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(cannot(error)),
            Ok(_) => Ok(()),
        }
    }

    /// Whether launches wait for their turn.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.turns.available_permits() == 0
    }

    fn api(&self, launch: &Launch) -> Api<DynamicObject> {
        let namespace = &launch.id.experiment.namespace;
        Api::namespaced_with(self.client.clone(), namespace, &launch.resource)
    }

    /// Makes the job in this turn, unless it is to stop before. One of its name that belongs to an earlier attempt has to go first.
    async fn create<'a>(
        &'a self,
        launch: &Launch,
        plan: &TrialPlan,
        owner: &Value,
        mut turn: Option<SemaphorePermit<'a>>,
    ) -> Result<(), DriverError> {
        let api = self.api(launch);
        let object = object(plan, owner)?;
        let began = Instant::now();
        loop {
            if turn.is_none() {
                turn = self.turns.acquire().await.ok();
            }
            // Whoever has called removes what a try before this one may have made.
            if launch.is_stopped() {
                return Ok(());
            }
            match api.create(&PostParams::default(), &object).await {
                Ok(made) => {
                    launch.is_new.store(false, Ordering::Release);
                    self.ledger.made(&made, owner);
                    launch.see(Found::There(&made));
                    return Ok(());
                }
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(kube::Error::Api(status)) if lacks_rights(&status) => {
                    if began.elapsed() > RIGHTS {
                        return Err(DriverError::Refused(format!(
                            "{}; give the controller a role for this kind, see crds/README.md",
                            status.message
                        )));
                    }
                    turn = None;
                    sleep(AGAIN).await;
                    continue;
                }
                Err(error) => return Err(refusal(launch, error)),
            }
            let Some(found) = api
                .get_opt(&plan.trial)
                .await
                .map_err(|e| refusal(launch, e))?
            else {
                continue;
            };
            if !belongs(&found, owner["uid"].as_str().unwrap_or_default()) {
                return Err(DriverError::Refused(format!(
                    "there is a {} named {} already, and it is not this trial's; remove it or name the experiment otherwise",
                    launch.resource.kind, plan.trial
                )));
            }
            if attempt(&found) == Some(plan.attempt) {
                launch.see(Found::There(&found));
                return Ok(());
            }
            // Others need not wait for its pods.
            turn = None;
            self.take_away(launch, grace(plan)).await?;
        }
    }

    /// Finds the job again that an earlier Diwan has made.
    async fn adopt(&self, launch: &Launch) -> Result<(), DriverError> {
        let api = self.api(launch);
        let found = api.get_opt(&launch.id.trial).await;
        let found = found.map_err(|error| refusal(launch, error))?;
        let own = found.filter(|found| attempt(found) == Some(launch.id.attempt));
        launch.see(own.as_ref().map_or(Found::Missing, Found::There));
        Ok(())
    }

    /// Deletes the job and returns when it is gone, with its pods: by force, if they take longer than they may.
    async fn take_away(&self, launch: &Launch, grace: Duration) -> Result<(), DriverError> {
        if self.is_removed_within(launch, grace + SLACK).await? {
            return Ok(());
        }
        self.kill(launch).await?;
        while !self.is_removed_within(launch, PATIENCE).await? {}
        Ok(())
    }

    /// Deletes the job; whether it is gone after so long, with its pods.
    async fn is_removed_within(
        &self,
        launch: &Launch,
        patience: Duration,
    ) -> Result<bool, DriverError> {
        let turn = self.removals.acquire().await;
        let how = DeleteParams::foreground();
        let api = self.api(launch);
        // Not the object that comes with the answer: thousands may wait for their ends.
        let deleted = Box::pin(api.delete(&launch.id.trial, &how)).await.map(drop);
        drop(turn);
        match deleted {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {
                launch.see(Found::Missing);
                return Ok(true);
            }
            Err(error) => return Err(refusal(launch, error)),
        }
        let mut sight = launch.sight();
        let gone = sight.wait_for(|sight| *sight == Sight::Gone);
        Ok(timeout(patience, gone).await.is_ok())
    }

    /// Removes what is left of a job's pods without asking them.
    async fn kill(&self, launch: &Launch) -> Result<(), DriverError> {
        let _turn = self.removals.acquire().await;
        match *launch.sight().borrow() {
            Sight::Gone => return Ok(()),
            Sight::Unseen | Sight::There(_) => {}
        }
        let namespace = &launch.id.experiment.namespace;
        Box::pin(pods::kill(&self.client, namespace, &launch.id.trial)).await
    }

    /// How a launch has ended, by its object.
    async fn end(&self, launch: &Launch, sight: Sight) -> Option<End> {
        let is_bad = matches!(sight, Sight::Gone | Sight::There(Some(Verdict::Failed(_))));
        let is_asked = is_bad && !launch.is_stopped();
        let _turn = match is_asked {
            true => self.turns.acquire().await.ok(),
            false => None,
        };
        if is_asked && Box::pin(self.ledger.is_going(&launch.id)).await {
            return None;
        }
        match sight {
            Sight::Unseen => None,
            Sight::There(verdict) => match verdict? {
                Verdict::Succeeded => Some(End::Succeeded),
                Verdict::Failed(words) if launch.is_stopped() => Some(End::Failed(words)),
                Verdict::Failed(words) => {
                    let namespace = &launch.id.experiment.namespace;
                    let told = pods::words(&self.client, namespace, &launch.id.trial);
                    let told = Box::pin(told).await;
                    let told = told.or_else(|| self.ledger.last_words(&launch.id));
                    Some(End::Failed(match told {
                        Some(told) => format!("{words}; {told}"),
                        None => words,
                    }))
                }
            },
            Sight::Gone if launch.is_stopped() => Some(End::Left("it was deleted".to_owned())),
            Sight::Gone => {
                let kind = &launch.resource.kind;
                Some(End::Lost(match launch.is_seen() {
                    true => format!("its {kind} was deleted while it ran"),
                    false => {
                        format!("its {kind} was deleted, or never made, while no controller ran")
                    }
                }))
            }
        }
    }

    async fn try_to_start(&self, plan: &TrialPlan) -> Result<(), DriverError> {
        // What waits in line is boxed when its turn comes: thousands may wait, and each would have room for all of it.
        let resource = match Box::pin(self.kinds.resolve(&plan.manifest)).await {
            Err(refusal) if refusal.is_permanent() => {
                // So that there is something to say it on.
                self.ledger.claim(plan).await?;
                return Err(refusal);
            }
            resource => resource?,
        };
        let launch = self.roster.enter(&plan.id(), &resource, &plan.conditions);
        let turn = self.turns.acquire().await.ok();
        let Claim { is_new, owner } = self.ledger.claim(plan).await?;
        // A start that is repeated finds the claim of the one before it.
        if is_new {
            launch.is_new.store(true, Ordering::Release);
        }
        if !launch.is_new.load(Ordering::Acquire) {
            Box::pin(self.adopt(&launch)).await?;
            drop(turn);
        } else {
            Box::pin(self.create(&launch, plan, &owner, turn)).await?;
        }
        if launch.is_stopped() && !launch.has_ended() {
            Box::pin(self.take_away(&launch, grace(plan))).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Driver for KubernetesDriver {
    async fn start(&self, plan: &TrialPlan) -> Result<(), DriverError> {
        let started = Box::pin(self.try_to_start(plan)).await;
        if matches!(&started, Err(error) if error.is_permanent()) {
            sleep(AFTER_REFUSAL).await;
        }
        started
    }

    async fn observe(&self, id: &LaunchId) -> Result<Phase, DriverError> {
        let Some(launch) = self.roster.find(id) else {
            return Ok(match self.roster.is_called_off(id) {
                true => Phase::Ended(called_off()),
                false => Phase::NotStarted,
            });
        };
        let sight = launch.sight().borrow().clone();
        Ok(match self.end(&launch, sight).await {
            Some(end) => Phase::Ended(end),
            None => Phase::Running { pid: None },
        })
    }

    async fn ended(&self, id: &LaunchId) -> Result<End, DriverError> {
        let Some(launch) = self.roster.find(id) else {
            return match self.roster.is_called_off(id) {
                true => Ok(called_off()),
                false => Err(DriverError::NotStarted(id.clone())),
            };
        };
        let mut sight = launch.sight();
        loop {
            let now = sight.borrow_and_update().clone();
            let is_gone = now == Sight::Gone;
            if let Some(end) = self.end(&launch, now).await {
                // What a lost launch has told does not matter: another one follows.
                if !matches!(end, End::Lost(_)) {
                    self.ledger.settle(id, is_gone).await?;
                }
                return Ok(end);
            }
            // The launch holds the sender, so this waits for the next sight.
            let _ = sight.changed().await;
        }
    }

    async fn stop(&self, id: &LaunchId, grace: Duration) -> Result<(), DriverError> {
        let Some(launch) = self.roster.find_or_call_off(id) else {
            return Ok(());
        };
        if launch.has_ended() {
            return Ok(());
        }
        launch.stop();
        let sight = launch.sight().borrow().clone();
        match sight {
            Sight::There(None) => self.take_away(&launch, grace).await,
            // Whoever makes one that is unseen removes it.
            Sight::Unseen | Sight::Gone | Sight::There(Some(_)) => Ok(()),
        }
    }

    /// The job stays until what became of the trial is recorded.
    async fn forget(&self, id: &LaunchId) -> Result<(), DriverError> {
        self.roster.leave(id);
        Ok(())
    }
}

/// How a launch ends that was stopped before it began. If there is a job all the same, of an earlier Diwan, it goes with the trial.
fn called_off() -> End {
    End::Left("it was stopped before it began".to_owned())
}

/// The job as it is made: the template's, with the trial's name, labels and owner.
fn object(plan: &TrialPlan, owner: &Value) -> Result<DynamicObject, DriverError> {
    let mut manifest = plan.manifest.clone();
    let metadata = entry(&mut manifest, "metadata");
    metadata.insert("name".to_owned(), json!(plan.trial));
    metadata.insert("namespace".to_owned(), json!(plan.experiment.namespace));
    metadata.insert("ownerReferences".to_owned(), json!([owner]));
    let labels = entry(metadata, "labels");
    labels.insert(EXPERIMENT_LABEL.to_owned(), json!(plan.experiment.name));
    labels.insert(TRIAL_LABEL.to_owned(), json!(plan.trial));
    let annotations = entry(metadata, "annotations");
    annotations.insert(
        ATTEMPT_ANNOTATION.to_owned(),
        json!(plan.attempt.to_string()),
    );
    serde_json::from_value(Value::Object(manifest)).map_err(|error| {
        DriverError::Refused(format!(
            "spec.trialTemplate.trialSpec is no object of Kubernetes: {error}"
        ))
    })
}

/// A field that is an object, made one if it is not.
fn entry<'a>(of: &'a mut Map<String, Value>, field: &str) -> &'a mut Map<String, Value> {
    let value = of.entry(field).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was made one")
}

fn grace(plan: &TrialPlan) -> Duration {
    plan.grace_period().unwrap_or(DEFAULT_GRACE)
}

/// Whether an object belongs to the owner of a uid.
fn belongs(object: &DynamicObject, owner: &str) -> bool {
    let mut owners = object.metadata.owner_references.iter().flatten();
    owners.any(|one| one.uid == owner)
}

/// Whether the API server says that we have not the right to. One that has just started says so of everybody, until it has read the
/// roles; and a role can be added while trials wait.
#[must_use]
pub fn lacks_rights(status: &Status) -> bool {
    let words = ["User \"", "\" cannot ", " resource \""];
    status.code == 403 && words.iter().all(|word| status.message.contains(word))
}

/// What the cluster refuses for good, and what may pass: a quota has room again, a server comes back.
fn refusal(launch: &Launch, error: kube::Error) -> DriverError {
    let kind = &launch.resource.kind;
    match &error {
        kube::Error::Api(status)
            if matches!(status.code, 400 | 403 | 404 | 405 | 422)
                && !status.message.contains("exceeded quota")
                && !status.message.contains("being terminated")
                && !lacks_rights(status) =>
        {
            DriverError::Refused(format!(
                "the cluster refuses its {kind}: {}",
                status.message
            ))
        }
        _ => DriverError::Kubernetes {
            doing: format!("make or find {kind} {}", launch.id.trial),
            source: Box::new(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_can_come_and_what_a_policy_forbids_cannot() {
        let lacks =
            |message: &str| lacks_rights(&Status::failure(message, "Forbidden").with_code(403));
        assert!(lacks(
            "jobs.batch is forbidden: User \"system:serviceaccount:kubeflow:katib-controller\" cannot create resource \"jobs\" in \
             API group \"batch\" in the namespace \"default\""
        ));
        assert!(!lacks(
            "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\""
        ));
        assert!(!lacks(
            "admission webhook \"policy\" denied the request: User \"a\" cannot"
        ));
    }
}
