//! Stand-ins for what a big cluster has and one machine has not: nodes whose pods cost nothing, and the load of many.
//!
//! `tests/cluster/scale` runs it. `nodes` plays kubelets until it is killed; the others print how long something took.

mod load;
mod nodes;

use std::error::Error;

use kube::Client;

const USAGE: &str = "usage: hollow nodes COUNT DATABASE-MANAGER | jobs COUNT | experiments COUNT PARALLEL | grid PARALLEL TRIALS";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let client = Client::try_default().await?;
    match *arguments.as_slice() {
        ["nodes", count, db_manager] => nodes::play(client, count.parse()?, db_manager).await,
        ["jobs", count] => load::jobs(client, count.parse()?).await,
        ["experiments", count, parallel] => {
            load::experiments(client, count.parse()?, parallel.parse()?).await
        }
        ["grid", parallel, trials] => load::grid(client, parallel.parse()?, trials.parse()?).await,
        _ => Err(USAGE.into()),
    }
}
