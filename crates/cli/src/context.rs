//! What most commands need: the store, where trials live, and the experiment that is meant.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diwan_core::engine::Snapshot;
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord};
use diwan_core::resources::{DEFAULT_NAMESPACE, TrialTemplate};
use diwan_drivers::{Driver, ProcessDriver, SimulatedDriver};
use diwan_server::runner::{Options, Runner, directory};
use diwan_server::suggester::{Named, RoutedSuggester, Suggester};
use diwan_store::{ExperimentQuery, Location, Store};

use crate::cli::Global;
use crate::commands::supervise;
use crate::database::{Database, Need};
use crate::environment;
use crate::failure::Failure;
use crate::shell::quoted;

/// The open store and the directories beside it.
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) namespace: String,
    work_directory: PathBuf,
    services: Arc<Named>,
    suggester: Arc<dyn Suggester>,
    store_flags: String,
}

impl Context {
    /// Opens what the flags name.
    pub(crate) async fn open(global: &Global, need: Need) -> Result<Self, Failure> {
        let database = Database::of(global)?;
        let store = database.open(need).await?;
        let work_directory = match &global.work_dir {
            Some(directory) => environment::absolute(directory)?,
            None => beside(&database.url)?,
        };
        let services = Named::new(&global.suggestion_services).map_err(Failure::usage)?;
        let services = Arc::new(services);
        let suggester = RoutedSuggester::new(store.clone(), vec![services.clone()]);
        Ok(Self {
            store,
            namespace: global
                .namespace
                .clone()
                .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            work_directory,
            services,
            suggester: Arc::new(suggester),
            store_flags: store_flags(global),
        })
    }

    /// The key of an experiment of the chosen namespace.
    pub(crate) fn key(&self, name: &str) -> ExperimentKey {
        ExperimentKey::new(&self.namespace, name)
    }

    /// Where the trials of an experiment live.
    pub(crate) fn directory(&self, record: &ExperimentRecord) -> PathBuf {
        directory(record, &self.work_directory)
    }

    /// The directory for trials of new experiments.
    pub(crate) fn default_work_directory(&self) -> &Path {
        &self.work_directory
    }

    /// How this program was called, with the flags that name this store and namespace: the start of commands to type next,
    /// quoted for a shell.
    pub(crate) fn program(&self) -> String {
        let mut words = quoted(&environment::program()).into_owned() + &self.store_flags;
        if self.namespace != DEFAULT_NAMESPACE {
            words.push_str(&format!(" --namespace {}", quoted(&self.namespace)));
        }
        words
    }

    /// What runs an experiment here: its trials are processes, unless their template is of a kind that is simulated.
    ///
    /// # Errors
    /// When this program cannot be started once more, to supervise trials.
    pub(crate) fn runner(&self, record: &ExperimentRecord) -> Result<Runner, Failure> {
        let template = record.spec.trial_template.as_ref();
        let driver: Arc<dyn Driver> = match template.is_some_and(TrialTemplate::is_simulated) {
            true => Arc::new(SimulatedDriver::default()),
            false => Arc::new(ProcessDriver::new(supervise::command()?)),
        };
        Ok(Runner {
            store: self.store.clone(),
            driver,
            suggester: self.suggester(),
            options: Options::new(self.work_directory.clone()),
        })
    }

    /// Where points come from: in this process, or the service that a flag names for the algorithm.
    pub(crate) fn suggester(&self) -> Arc<dyn Suggester> {
        self.suggester.clone()
    }

    /// The services that flags name.
    pub(crate) fn services(&self) -> Arc<Named> {
        self.services.clone()
    }

    /// Loads an experiment, or says which ones there are.
    pub(crate) async fn experiment(&self, name: &str) -> Result<Snapshot, Failure> {
        let key = self.key(name);
        if let Some(snapshot) = self.store.load(&key).await? {
            return Ok(snapshot);
        }
        let query = ExperimentQuery {
            namespace: Some(self.namespace.clone()),
            ..ExperimentQuery::default()
        };
        let known = self.store.experiments(&query).await?;
        let names: Vec<String> = known
            .into_iter()
            .map(|known| known.record.metadata.name)
            .collect();
        let failure = missing("experiment", name, &self.namespace, &names);
        Err(match self.elsewhere(name).await? {
            Some(namespace) => failure.hint(format!(
                "there is one in namespace {namespace}: add --namespace {namespace}"
            )),
            None => failure,
        })
    }

    /// Another namespace with an experiment of this name.
    async fn elsewhere(&self, name: &str) -> Result<Option<String>, Failure> {
        let all = self.store.experiments(&ExperimentQuery::default()).await?;
        let mut keys = all.into_iter().map(|known| known.record.key());
        Ok(keys.find(|key| key.name == name).map(|key| key.namespace))
    }

    /// Finds a trial of the chosen namespace by name.
    pub(crate) async fn trial(&self, name: &str) -> Result<(Snapshot, TrialRecord), Failure> {
        let (here, elsewhere): (Vec<_>, Vec<_>) = self
            .store
            .find_trials(name)
            .await?
            .into_iter()
            .partition(|found| found.experiment.namespace == self.namespace);
        let Some(found) = here.into_iter().next() else {
            let hint = match elsewhere.first().map(|found| &found.experiment.namespace) {
                Some(namespace) => {
                    format!("there is one in namespace {namespace}: add --namespace {namespace}")
                }
                None => "`diwan get trials` lists them".to_owned(),
            };
            return Err(missing("trial", name, &self.namespace, &[]).hint(hint));
        };
        let key = &found.experiment;
        let snapshot = self.store.load(key).await?;
        let snapshot =
            snapshot.ok_or_else(|| missing("experiment", &key.name, &key.namespace, &[]))?;
        Ok((snapshot, found.trial))
    }
}

fn missing(kind: &str, name: &str, namespace: &str, known: &[String]) -> Failure {
    let failure = Failure::not_found(format!(
        "there is no {kind} {name} in namespace {namespace}"
    ));
    match diwan_core::problem::nearest(name, known.iter().map(String::as_str)) {
        Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
        None if known.is_empty() => failure,
        None => failure.hint("`diwan get experiments` lists them"),
    }
}

/// A URL as it may be shown: whoever types it again gives the password some other way, such as `PGPASSWORD`.
fn without_password(url: &str) -> Cow<'_, str> {
    let server = url.split_once("://");
    let server = server.filter(|(scheme, _)| *scheme != "sqlite");
    let parts = server.and_then(|(scheme, rest)| {
        if let Some((address, _)) = rest
            .split_once("?")
            .filter(|(_, options)| options.contains("password="))
        {
            return Some(format!("{scheme}://{address}"));
        }
        let (user, host) = rest.rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{scheme}://{user}@{host}"))
    });
    parts.map_or(Cow::Borrowed(url), Cow::Owned)
}

fn store_flags(global: &Global) -> String {
    let mut flags = String::new();
    if let Some(db) = &global.db {
        flags.push_str(&format!(" --db {}", quoted(&without_password(db))));
    }
    if let Some(directory) = &global.work_dir {
        let directory = directory.display().to_string();
        flags.push_str(&format!(" --work-dir {}", quoted(&directory)));
    }
    for (algorithm, url) in &global.suggestion_services {
        let service = format!("{algorithm}={url}");
        flags.push_str(&format!(" --suggestion-service {}", quoted(&service)));
    }
    flags
}

/// Trials live beside the database: `diwan.db` has `diwan.db.trials`. Those of a server's database live in the user's data
/// directory, by its host and name.
fn beside(url: &str) -> Result<PathBuf, Failure> {
    let location: Location = url.parse()?;
    let path = match &location {
        Location::File(path) => path.clone(),
        Location::Memory => PathBuf::from(location.told()),
        Location::Postgres(_) => {
            let name = location.told().replace("://", "-").replace(['/', ':'], "-");
            environment::data_directory().unwrap_or_default().join(name)
        }
    };
    let mut name = path.into_os_string();
    name.push(".trials");
    Ok(environment::absolute(Path::new(&name))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("postgres://me:p@ss@host:1/db", "postgres://me@host:1/db"),
            ("postgres://me@host/db", "postgres://me@host/db"),
            ("postgres://me@host/db?password=x", "postgres://me@host/db"),
            ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn trials_live_beside_the_file_that_the_store_opens() {
        for url in [
            "sqlite:/data/a?b.db",
            "/data/a?b.db",
            "sqlite:///data/a?b.db",
        ] {
            assert_eq!(beside(url).unwrap(), Path::new("/data/a?b.db.trials"));
        }
    }
}
