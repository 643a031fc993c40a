//! Which database is meant, and whether it may be made.

use std::path::Path;
use std::sync::Arc;

use diwan_core::problem::nearest;
use diwan_store::{Location, Store};

use crate::cli::Global;
use crate::environment;
use crate::failure::Failure;
use crate::shell::quoted;

/// What a verb wants of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must be there.
    Existing,
    /// It is made if it is missing, and others read it later.
    Kept,
    /// It is made if it is missing, and may be gone with this process.
    Any,
}

/// Where a database is.
pub(crate) struct Database {
    /// A URL that the store understands.
    pub(crate) url: String,
    is_named: bool,
}

impl Database {
    /// The one that the flags name, or a file in the user's data directory.
    pub(crate) fn of(global: &Global) -> Result<Self, Failure> {
        if let Some(url) = &global.db {
            return Ok(Self {
                url: url.clone(),
                is_named: true,
            });
        }
        let directory = environment::data_directory().ok_or_else(|| {
            Failure::usage("there is no home directory to keep the database in")
                .hint("name a file with --db, such as --db sqlite:diwan.db")
        })?;
        Ok(Self {
            url: format!("sqlite:{}", directory.join("diwan.db").display()),
            is_named: false,
        })
    }

    /// Opens it. The default database is made by whoever looks first: it cannot be misspelt. One that is named and made to
    /// be kept is told, because its name may be a slip.
    pub(crate) async fn open(&self, need: Need) -> Result<Arc<dyn Store>, Failure> {
        let path = match self.url.parse()? {
            Location::Memory if need != Need::Any => return Err(in_memory()),
            Location::File(path) => Some(path),
            Location::Memory | Location::Postgres(_) => None,
        };
        let absent = path.filter(|path| self.is_named && !path.exists());
        match absent {
            Some(path) if need == Need::Existing => Err(missing(&path)),
            absent => {
                let store = diwan_store::open(&self.url).await?;
                if let Some(path) = absent.filter(|_| need == Need::Kept) {
                    eprintln!("made database {}", path.display());
                }
                Ok(store)
            }
        }
    }
}

fn in_memory() -> Failure {
    Failure::usage("a database in memory is gone when this command ends")
        .hint("name a file with --db, such as --db sqlite:diwan.db")
}

fn missing(path: &Path) -> Failure {
    let failure = Failure::not_found(format!("there is no database {}", path.display()));
    let given = path.file_name().unwrap_or_default().to_string_lossy();
    let there = databases_beside(path);
    match nearest(&given, there.iter().map(String::as_str)) {
        Some(name) => {
            let other = path.with_file_name(name).display().to_string();
            failure.hint(format!("did you mean --db {}?", quoted(&other)))
        }
        None => failure.hint("`diwan run FILE` makes one"),
    }
}

/// Names of the files in its directory that look like databases.
fn databases_beside(path: &Path) -> Vec<String> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut databases: Vec<String> = names.filter(|name| name.ends_with(".db")).collect();
    databases.sort();
    databases
}
