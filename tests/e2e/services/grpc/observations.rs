//! `api.v1.beta1.DBManager`.

use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::{DeleteObservationLogRequest, GetObservationLogRequest};
use tonic::Code;
use tonic::transport::Channel;

use super::super::listening::Listening;
use super::messages::losses;
use crate::harness::{World, experiment};

type Client = DbManagerClient<Channel>;

async fn reported(client: &mut Client, trial: &str) -> Vec<String> {
    let ask = GetObservationLogRequest {
        trial_name: trial.into(),
        ..GetObservationLogRequest::default()
    };
    let reply = client.get_observation_log(ask).await.unwrap().into_inner();
    let rows = reply.observation_log.unwrap_or_default().metric_logs;
    rows.into_iter()
        .map(|row| row.metric.unwrap().value)
        .collect()
}

#[tokio::test]
async fn a_report_outlives_the_server_and_counts_once() {
    let world = World::new();
    {
        let server = Listening::diwan(&world);
        let mut client = Client::new(server.connect().await);
        for _ in 0..2 {
            client
                .report_observation_log(losses("theirs", &["0.3", "0.2"]))
                .await
                .unwrap();
        }
        server.process.signal("KILL");
    }
    let server = Listening::diwan(&world);
    let mut client = Client::new(server.connect().await);
    client
        .report_observation_log(losses("theirs", &["0.3", "0.2"]))
        .await
        .unwrap();
    assert_eq!(reported(&mut client, "theirs").await, ["0.3", "0.2"]);
    assert!(reported(&mut client, "nobody").await.is_empty());
    for _ in 0..2 {
        client
            .delete_observation_log(DeleteObservationLogRequest {
                trial_name: "theirs".into(),
            })
            .await
            .unwrap();
        assert!(reported(&mut client, "theirs").await.is_empty());
    }
    let error = client
        .report_observation_log(losses("", &["1"]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error.message().starts_with("trial_name: "),
        "{}",
        error.message()
    );
}

#[tokio::test]
async fn what_run_has_collected_is_served() {
    let world = World::new();
    let file = world.file(
        "local.yaml",
        &experiment("local", 2, 2, "echo score=$X; echo score=0.5"),
    );
    assert_eq!(
        world.run(["run", file.to_str().unwrap(), "--quiet"]).code,
        0
    );
    let server = Listening::diwan(&world);
    let mut client = Client::new(server.connect().await);
    for trial in world.trials("local") {
        let x = trial["spec"]["parameterAssignments"][0]["value"]
            .as_str()
            .unwrap();
        let name = trial["metadata"]["name"].as_str().unwrap();
        assert_eq!(reported(&mut client, name).await, [x, "0.5"]);
    }
}
