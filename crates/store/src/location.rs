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
    /// A PostgreSQL server: the URL.
    Postgres(String),
}

impl Location {
    /// For messages and names: a path, or a URL without what may be secret, namely user, password and options.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Memory => ":memory:".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                // Passwords with characters that should have been escaped are passwords all the same.
                let rest = match rest.split_once('?') {
                    Some((rest, options)) if options.contains("password=") => rest,
                    _ => rest,
                };
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                let host = host.split(['?', '#']).next().unwrap_or_default();
                format!("{scheme}://{host}")
            }
        }
    }
}

impl FromStr for Location {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let path = match url.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                return Ok(Self::Postgres(url.to_owned()));
            }
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
            (
                "postgres://me@host/db",
                Location::Postgres("postgres://me@host/db".to_owned()),
            ),
        ] {
            assert_eq!(url.parse::<Location>().unwrap(), location, "{url}");
        }
    }

    #[test]
    fn passwords_are_not_told() {
        for (url, told) in [
            (
                "postgres://me:p@ss@host:1/db?sslmode=require",
                "postgres://host:1/db",
            ),
            ("postgresql://host/db", "postgresql://host/db"),
            ("postgres://host/db?password=s@cret", "postgres://host/db"),
            ("postgres://me:p?ss#word@host/db", "postgres://host/db"),
            ("sqlite:a.db", "a.db"),
        ] {
            assert_eq!(url.parse::<Location>().unwrap().told(), told);
        }
    }

    #[test]
    fn other_databases_are_refused_without_their_passwords() {
        let message = "mysql://me:secret@host/db".parse::<Location>();
        let message = message.unwrap_err().to_string();
        assert!(message.contains("not built in"), "{message}");
        assert!(message.contains("sqlite:PATH"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        assert!(matches!(
            "sqlite:".parse::<Location>(),
            Err(StoreError::NoPath)
        ));
        assert!(matches!("".parse::<Location>(), Err(StoreError::NoPath)));
    }
}
