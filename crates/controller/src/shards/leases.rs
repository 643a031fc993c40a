//! The leases themselves.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::share::View;
use super::{SHARDS, Shards};

/// Time between two renewals, and two looks at others.
const RENEW: Duration = Duration::from_secs(2);
/// A controller that has not renewed for so long is dead.
const DEAD: Duration = Duration::from_secs(15);
/// One that could not renew for so long stops: others must not think it dead before.
const STOP: Duration = Duration::from_secs(10);
/// The Lease of one that was dead for so long is removed.
const BURIED: Duration = Duration::from_secs(300);

/// Label on our leases that says what they are of.
const OF: &str = "diwan.dev/lease";
const MEMBER: &str = "controller";
const SHARD: &str = "shard";

/// Tells the owner which shards are held from now on; it answers when it has stopped what is not.
pub(crate) type Tell = mpsc::UnboundedSender<(Shards, oneshot::Sender<()>)>;

/// A controller's part in the leases.
pub(crate) struct Leases {
    api: Api<Lease>,
    /// The name of this controller, and of its Lease.
    me: String,
    clock: fn() -> Timestamp,
    tell: Tell,
    held: Shards,
    /// The last renewal that succeeded, by when it was begun.
    renewed: Option<Instant>,
    /// When the Lease of another was seen to change last, and its version then. No clocks are compared.
    seen: HashMap<String, (String, Instant)>,
}

// === impl Leases ===

impl Leases {
    /// In `namespace`; `me` is a name that no other living controller has, and that this one has again after a crash.
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        me: String,
        clock: fn() -> Timestamp,
        tell: Tell,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            me,
            clock,
            tell,
            held: Shards::new(),
            renewed: None,
            seen: HashMap::new(),
        }
    }

    /// Takes part, for ever; ends when nobody listens any more.
    pub(crate) async fn run(&mut self) {
        loop {
            match timeout(STOP / 2, self.look()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!(%error, "cannot renew the leases; trying again"),
                Err(_) => warn!("the API server does not answer for the leases; trying again"),
            }
            let is_late = |renewed: Instant| renewed.elapsed() > STOP;
            if self.renewed.is_none_or(is_late) && !self.held.is_empty() {
                warn!("the leases could not be renewed: what is run here stops");
                self.hold(Shards::new()).await;
            }
            if self.tell.is_closed() {
                return;
            }
            tokio::time::sleep(RENEW).await;
        }
    }

    /// Gives all up, so that others need not wait until this one is thought dead.
    pub(crate) async fn leave(&mut self) {
        let held = std::mem::take(&mut self.held);
        join_all(held.into_iter().map(|shard| self.release(shard))).await;
        let _ = self.api.delete(&self.me, &DeleteParams::default()).await;
    }

    async fn look(&mut self) -> Result<(), kube::Error> {
        let began = Instant::now();
        self.renew().await?;
        self.renewed = Some(began);
        let ours = ListParams::default().labels(OF);
        let leases = self.api.list(&ours).await?.items;
        let view = self.view(&leases);
        let share = view.share(&self.me);
        if share.keep != self.held {
            self.hold(share.keep).await;
        }
        join_all(share.release.iter().map(|&shard| self.release(shard))).await;
        let by_shard = |shard| leases.iter().find(|lease| lease.name_any() == name(shard));
        let takes = share.take.iter();
        let takes = takes.map(|&shard| self.take(shard, by_shard(shard)));
        let taken: Shards = join_all(takes).await.into_iter().flatten().collect();
        if !taken.is_empty() {
            info!(?taken, "takes over experiments");
            self.hold(&self.held | &taken).await;
        }
        Ok(())
    }

    /// Has the owner stop what is not held any more, and begin what is. If nobody waits for the answer any more, it is asked again.
    async fn hold(&mut self, shards: Shards) {
        let (stopped, has_stopped) = oneshot::channel();
        if self.tell.send((shards.clone(), stopped)).is_ok() {
            let _ = has_stopped.await;
        }
        self.held = shards;
    }

    async fn renew(&self) -> Result<(), kube::Error> {
        let now = MicroTime((self.clock)());
        let renewed = json!({"spec": { "holderIdentity": self.me, "renewTime": now }});
        let params = PatchParams::default();
        match self
            .api
            .patch(&self.me, &params, &Patch::Merge(&renewed))
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let mut lease = lease(&self.me, MEMBER, &self.me);
                let spec = lease.spec.get_or_insert_default();
                spec.renew_time = Some(now);
                spec.lease_duration_seconds = i32::try_from(DEAD.as_secs()).ok();
                self.api.create(&PostParams::default(), &lease).await?;
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// Who lives and who holds what. Others' clocks are not asked: a Lease that has not changed here for long is of a dead one.
    fn view(&mut self, leases: &[Lease]) -> View {
        let now = Instant::now();
        let mut view = View {
            holders: (0..SHARDS).map(|_| None).collect(),
            ..View::default()
        };
        view.members.insert(self.me.clone());
        for lease in leases {
            let holder = lease
                .spec
                .as_ref()
                .and_then(|spec| spec.holder_identity.clone());
            if lease.labels().get(OF).is_some_and(|of| of == SHARD) {
                let place = (0..SHARDS).position(|shard| lease.name_any() == name(shard));
                if let Some(slot) = place.and_then(|place| view.holders.get_mut(place)) {
                    *slot = holder.filter(|holder| !holder.is_empty());
                }
                continue;
            }
            let version = lease.resource_version().unwrap_or_default();
            let seen = self
                .seen
                .entry(lease.name_any())
                .or_insert_with(|| (version.clone(), now));
            if seen.0 != version {
                *seen = (version, now);
            }
            if now.duration_since(seen.1) < DEAD {
                view.members.extend(holder);
            } else if now.duration_since(seen.1) > BURIED {
                let (api, name) = (self.api.clone(), lease.name_any());
                tokio::spawn(async move { api.delete(&name, &DeleteParams::default()).await });
            }
        }
        self.seen
            .retain(|name, _| leases.iter().any(|lease| lease.name_any() == *name));
        view
    }

    /// A shard that nobody living holds, if it is ours now.
    async fn take(&self, shard: u32, found: Option<&Lease>) -> Option<u32> {
        let mut wanted = lease(&name(shard), SHARD, &self.me);
        let params = PostParams::default();
        let written = match found {
            Some(found) => {
                wanted.metadata.resource_version = found.resource_version();
                self.api.replace(&name(shard), &params, &wanted).await
            }
            None => self.api.create(&params, &wanted).await,
        };
        match written {
            Ok(_) => Some(shard),
            // Somebody was faster.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => None,
            Err(error) => {
                warn!(%error, shard, "cannot take over; trying again");
                None
            }
        }
    }

    /// If this fails, the next look finds it above our share again.
    async fn release(&self, shard: u32) {
        let nobody = json!({"spec": { "holderIdentity": null }});
        let params = PatchParams::default();
        let patch = Patch::Merge(&nobody);
        if let Err(error) = self.api.patch(&name(shard), &params, &patch).await {
            warn!(%error, shard, "cannot give up; trying again");
        }
    }
}

fn name(shard: u32) -> String {
    format!("diwan-shard-{shard}")
}

fn lease(name: &str, of: &str, holder: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(OF.to_owned(), of.to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            ..LeaseSpec::default()
        }),
    }
}
