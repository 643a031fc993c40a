//! Which experiments are this controller's, when several share them.
//!
//! Experiments fall into [`SHARDS`] by their names. A Lease for each shard says who holds it; a Lease for each controller, which it
//! renews, says that it lives. Every controller comes to the same view of who should hold how many, gives up what it has above
//! that, and takes what nobody living holds. Who gives up stops first; who cannot renew stops before others think it dead. The
//! leases only keep two from doing the same work: what one commits and launches is right even if another does, too.

mod leases;
mod share;

use std::collections::BTreeSet;

use diwan_core::digest::{EMPTY, fnv1a};
use diwan_core::record::ExperimentKey;

pub(crate) use leases::Leases;

/// More would only make more leases; no more controllers than this have work.
pub(crate) const SHARDS: u32 = 8;

/// Shards that are held.
pub(crate) type Shards = BTreeSet<u32>;

/// The shard of an experiment.
pub(crate) fn shard(key: &ExperimentKey) -> u32 {
    let digest = fnv1a(EMPTY, key.to_string().as_bytes());
    u32::try_from(digest % u64::from(SHARDS)).unwrap_or_default()
}
