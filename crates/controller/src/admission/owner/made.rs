//! What this process has made itself, and need not ask for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use diwan_core::resources::Trial;

use super::{Objects, Owner, Unreadable};

/// The newest trials that were launched here, and their jobs: most pods come seconds after their trial, and those of thousands
/// would each cost two requests.
#[derive(Debug, Default)]
pub struct Made {
    newest: Mutex<Newest>,
}

/// By uid.
#[derive(Debug, Default)]
struct Newest {
    known: HashMap<String, Known>,
    oldest_first: VecDeque<String>,
}

#[derive(Debug)]
enum Known {
    Trial(Arc<Trial>),
    /// What it belongs to.
    Job(Owner),
}

/// Objects that are kept.
const KEPT: usize = 2048;

/// What was made here, and behind it the API server.
#[derive(Debug)]
pub struct Nearest<T> {
    made: Arc<Made>,
    others: T,
}

// === impl Made ===

impl Made {
    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, uid: String, what: Known) {
        let mut newest = self.newest();
        if newest.known.insert(uid.clone(), what).is_none() {
            newest.oldest_first.push_back(uid);
        }
        if newest.oldest_first.len() > KEPT
            && let Some(oldest) = newest.oldest_first.pop_front()
        {
            newest.known.remove(&oldest);
        }
    }

    /// A trial, which has its uid.
    pub(crate) fn trial(&self, trial: Trial) {
        self.keep(trial.metadata.uid.clone(), Known::Trial(Arc::new(trial)));
    }

    /// A job of this uid, which belongs to a trial.
    pub(crate) fn job(&self, uid: String, trial: Owner) {
        self.keep(uid, Known::Job(trial));
    }

    fn owner_of(&self, job: &Owner) -> Option<Owner> {
        match self.newest().known.get(&job.uid)? {
            Known::Job(owner) => Some(owner.clone()),
            Known::Trial(_) => None,
        }
    }

    fn trial_of(&self, trial: &Owner) -> Option<Arc<Trial>> {
        match self.newest().known.get(&trial.uid)? {
            Known::Trial(trial) => Some(trial.clone()),
            Known::Job(_) => None,
        }
    }
}

// === impl Nearest ===

impl<T: Objects> Nearest<T> {
    /// What was made, and then the others.
    pub fn new(made: Arc<Made>, others: T) -> Self {
        Self { made, others }
    }
}

#[async_trait]
impl<T: Objects> Objects for Nearest<T> {
    async fn owners(&self, namespace: &str, object: &Owner) -> Result<Vec<Owner>, Unreadable> {
        match self.made.owner_of(object) {
            Some(owner) => Ok(vec![owner]),
            None => self.others.owners(namespace, object).await,
        }
    }

    async fn trial(&self, namespace: &str, trial: &Owner) -> Result<Option<Trial>, Unreadable> {
        match self.made.trial_of(trial) {
            Some(trial) => Ok(Some(Trial::clone(&trial))),
            None => self.others.trial(namespace, trial).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    #[async_trait]
    impl Objects for Nothing {
        async fn owners(&self, _: &str, _: &Owner) -> Result<Vec<Owner>, Unreadable> {
            Ok(Vec::new())
        }

        async fn trial(&self, _: &str, _: &Owner) -> Result<Option<Trial>, Unreadable> {
            Ok(None)
        }
    }

    fn owner(uid: &str) -> Owner {
        Owner {
            uid: uid.to_owned(),
            ..Owner::default()
        }
    }

    #[tokio::test]
    async fn the_newest_are_known_and_others_asked_for() {
        let made = Arc::<Made>::default();
        let nearest = Nearest::new(made.clone(), Nothing);
        let mut trial = Trial::default();
        trial.metadata.uid = "trial".to_owned();
        made.trial(trial.clone());
        made.job("job".to_owned(), owner("trial"));
        let owners = nearest.owners("ns", &owner("job")).await.unwrap();
        assert_eq!(owners, [owner("trial")]);
        let found = nearest.trial("ns", &owners[0]).await.unwrap();
        assert_eq!(found, Some(trial));
        for index in 0..KEPT {
            made.job(index.to_string(), owner("other"));
        }
        assert_eq!(nearest.owners("ns", &owner("job")).await.unwrap(), []);
        assert_eq!(nearest.trial("ns", &owner("trial")).await.unwrap(), None);
    }
}
