//! `diwan.v1.Suggestion`.

use diwan_proto::diwan::suggestion_client::SuggestionClient;
use diwan_proto::diwan::{SuggestRequest, ValidateRequest};
use tonic::Code;

use super::super::listening::Listening;
use crate::harness::{World, experiment};

#[tokio::test]
async fn it_answers_for_experiments_of_the_store() {
    let world = World::new();
    let file = world.file("local.yaml", &experiment("local", 2, 2, "echo score=$X"));
    assert_eq!(
        world.run(["run", file.to_str().unwrap(), "--quiet"]).code,
        0
    );
    let server = Listening::diwan(&world);
    let mut client = SuggestionClient::new(server.connect().await);
    let ask = |experiment: &str| SuggestRequest {
        namespace: "default".into(),
        experiment: experiment.into(),
        revision: 0,
        count: 3,
    };
    let reply = client.suggest(ask("local")).await.unwrap().into_inner();
    assert_eq!(reply.points.len(), 3);
    let error = client.suggest(ask("nothing")).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::NotFound, "experiment default/nothing does not exist")
    );
}

#[tokio::test]
async fn it_finds_what_is_wrong_with_a_file_and_where() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let mut client = SuggestionClient::new(server.connect().await);
    let manifest = experiment("local", 2, 2, "true").replace("objective:", "objectve:");
    let line = manifest
        .lines()
        .position(|line| line.contains("objectve"))
        .unwrap()
        + 1;
    let problems = client
        .validate(ValidateRequest { manifest })
        .await
        .unwrap()
        .into_inner()
        .problems;
    let typo = problems
        .iter()
        .find(|problem| problem.path == "spec.objectve")
        .unwrap();
    assert_eq!(
        (usize::try_from(typo.line).unwrap(), typo.column),
        (line, 3)
    );
}
