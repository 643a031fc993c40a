//! Who should hold which shards.

use std::collections::BTreeSet;

use super::{SHARDS, Shards};

/// What a look at the leases has shown.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Those that live, with who looks.
    pub(super) members: BTreeSet<String>,
    /// Who holds each shard, living or dead.
    pub(super) holders: Vec<Option<String>>,
}

/// What is to be done about shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) keep: Shards,
    pub(super) release: Shards,
    pub(super) take: Shards,
}

impl View {
    fn holder(&self, shard: u32) -> Option<&str> {
        let holder = self.holders.get(usize::try_from(shard).ok()?)?;
        holder
            .as_deref()
            .filter(|holder| self.members.contains(*holder))
    }

    /// What `me` should do. Shares differ by one at most, and who has one more follows from the names, so that all agree.
    pub(super) fn share(&self, me: &str) -> Share {
        let count = u32::try_from(self.members.len()).unwrap_or(SHARDS).max(1);
        let rank = self.members.iter().take_while(|name| *name != me).count();
        let rank = u32::try_from(rank).unwrap_or(SHARDS);
        let quota = SHARDS / count + u32::from(rank < SHARDS % count);
        let mine = (0..SHARDS).filter(|&shard| self.holder(shard) == Some(me));
        let (keep, release): (Vec<_>, Vec<_>) =
            (0..).zip(mine).partition(|(place, _)| *place < quota);
        let room = quota.saturating_sub(u32::try_from(keep.len()).unwrap_or(quota));
        let free = (0..SHARDS).filter(|&shard| self.holder(shard).is_none());
        let without_place = |shards: Vec<(u32, u32)>| shards.into_iter().map(|(_, one)| one);
        Share {
            keep: without_place(keep).collect(),
            release: without_place(release).collect(),
            take: free.take(usize::try_from(room).unwrap_or(0)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Leases and who lives.
    struct World {
        view: View,
        names: Vec<String>,
    }

    impl World {
        fn new() -> Self {
            Self {
                view: View {
                    members: BTreeSet::new(),
                    holders: vec![None; SHARDS as usize],
                },
                names: (0..10).map(|index| format!("controller-{index}")).collect(),
            }
        }

        /// One controller looks and does what is due.
        fn turn(&mut self, index: usize) {
            let me = &self.names[index];
            let Share { release, take, .. } = self.view.share(me);
            for shard in release {
                self.view.holders[shard as usize] = None;
            }
            for shard in take {
                self.view.holders[shard as usize] = Some(me.clone());
            }
        }

        fn settle(&mut self) {
            for _ in 0..3 {
                for index in 0..self.names.len() {
                    if self.view.members.contains(&self.names[index]) {
                        self.turn(index);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whoever_comes_and_goes_all_shards_are_shared_evenly(
            moves in prop::collection::vec((0_usize..10, any::<bool>()), 1..20),
        ) {
            let mut world = World::new();
            for (index, comes) in moves {
                let name = world.names[index].clone();
                if comes {
                    world.view.members.insert(name);
                    world.turn(index);
                } else {
                    world.view.members.remove(&name);
                }
            }
            let alive = world.view.members.clone();
            world.settle();
            let held = |name: &String| (0..SHARDS).filter(|&shard| world.view.holder(shard) == Some(name)).count();
            let shares: Vec<usize> = alive.iter().map(held).collect();
            if let (Some(most), Some(least)) = (shares.iter().max(), shares.iter().min()) {
                prop_assert_eq!(shares.iter().sum::<usize>(), SHARDS as usize);
                prop_assert!(most - least <= 1, "{:?}", shares);
            }
        }

        #[test]
        fn nothing_moves_once_it_is_shared(count in 1_usize..10) {
            let mut world = World::new();
            world.view.members = world.names[..count].iter().cloned().collect();
            world.settle();
            for name in &world.view.members {
                let share = world.view.share(name);
                prop_assert!(share.release.is_empty() && share.take.is_empty(), "{:?}", share);
            }
        }
    }
}
