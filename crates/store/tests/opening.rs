//! What `open` makes, and what it refuses.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::path::Path;

use diwan_store::{StoreError, open};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    options.create_if_missing(true).connect().await.unwrap()
}

async fn execute(path: &Path, sql: &'static str) {
    let mut connection = raw(path).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn refusal(path: &Path) -> StoreError {
    match open(path.to_str().unwrap()).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("one/two/a.db");
    let store = open(&format!("sqlite://{}", path.display())).await.unwrap();
    store.foreign_trial("t").await.unwrap();
    store.close().await;
    assert!(matches!(
        store.foreign_trial("t").await,
        Err(StoreError::Closed)
    ));
    let files: Vec<_> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["a.db"]);

    let store = open(path.to_str().unwrap()).await.unwrap();
    assert!(store.find_foreign_trial("t").await.unwrap().is_some());
}

#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.db");
    std::fs::write(&path, b"").unwrap();
    open(path.to_str().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.db");
    open(path.to_str().unwrap()).await.unwrap().close().await;
    execute(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    let before = std::fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 99,
                supported: 2,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("schema version 99"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.db");
    execute(&path, "CREATE TABLE bookmarks (url TEXT)").await;
    let before = std::fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::NotDiwan { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn other_files_are_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "not a database, but long enough to have a header ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = refusal(&path).await;
    assert!(
        matches!(error, StoreError::NotADatabase { .. }),
        "{error:?}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let error = refusal(directory.path()).await;
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    let error = refusal(&path.join("below.db")).await;
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("notes.txt/below.db"), "{error}");
}
