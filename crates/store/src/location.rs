//! Where a database is.

use std::path::PathBuf;
use std::str::FromStr;

use crate::StoreError;

/// What a store URL means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In memory, gone with the handle.
    Memory,
    /// A SQLite file. The path is taken as it is written: nothing is decoded.
    File(PathBuf),
}

impl FromStr for Location {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let path = match url.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(StoreError::Unsupported {
                    scheme: scheme.to_owned(),
                });
            }
            _ => url,
        };
        match path {
            "" => Err(StoreError::NoPath),
            ":memory:" => Ok(Self::Memory),
            path => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths() {
        let file = |path: &str| Location::File(PathBuf::from(path));
        for (url, location) in [
            ("sqlite::memory:", Location::Memory),
            ("sqlite://:memory:", Location::Memory),
            ("sqlite:a.db", file("a.db")),
            ("sqlite:///var/a.db", file("/var/a.db")),
            ("sqlite:/var/a.db", file("/var/a.db")),
            ("/var/a b?c:d.db", file("/var/a b?c:d.db")),
            ("a.db", file("a.db")),
        ] {
            assert_eq!(url.parse::<Location>().unwrap(), location, "{url}");
        }
    }

    #[test]
    fn other_databases_are_refused_without_their_passwords() {
        for url in ["postgres://me:secret@host/db", "mysql://me:secret@host/db"] {
            let message = url.parse::<Location>().unwrap_err().to_string();
            assert!(message.contains("not built in"), "{message}");
            assert!(message.contains("sqlite:PATH"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
        assert!(matches!(
            "sqlite:".parse::<Location>(),
            Err(StoreError::NoPath)
        ));
        assert!(matches!("".parse::<Location>(), Err(StoreError::NoPath)));
    }
}
