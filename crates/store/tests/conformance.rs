//! SQLite does what every store must do.

use std::sync::Arc;

use diwan_store::{Store, open};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_conforms() {
    let directory = TempDir::new().unwrap();
    let next = std::sync::atomic::AtomicU32::new(0);
    diwan_testkit::store::conforms(async || {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = directory.path().join(format!("{number}.db"));
        open(path.to_str().unwrap()).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn memory_conforms() {
    diwan_testkit::store::conforms(async || open("sqlite::memory:").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_share_a_file() {
    let directory = TempDir::new().unwrap();
    let next = std::sync::atomic::AtomicU32::new(0);
    diwan_testkit::store::shares(async || {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = directory.path().join(format!("deep/er/{number}.db"));
        // At the same time, the file being new: who is later waits.
        let url = format!("sqlite:{}", path.display());
        let (one, two) = tokio::join!(open(&url), open(&url));
        let pair: [Arc<dyn Store>; 2] = [one.unwrap(), two.unwrap()];
        pair
    })
    .await;
}
