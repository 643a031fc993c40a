use diwan_proto::convert::answer::{self, More};
use diwan_proto::diwan::suggestion_client::SuggestionClient;
use diwan_proto::diwan::{SuggestRequest, ValidateRequest};
use tonic::Code;

use super::*;

fn ask(count: u32, revision: u64) -> SuggestRequest {
    SuggestRequest {
        namespace: "lab".into(),
        experiment: "tune".into(),
        revision,
        count,
    }
}

#[tokio::test]
async fn answers_from_the_store() {
    let fixture = Fixture::new().await;
    let grid = ExperimentSpec {
        parameters: vec![choice("a", &["p", "q", "r"])],
        ..spec("grid")
    };
    fixture.experiment("lab", "tune", grid, &[]).await;
    let mut client = SuggestionClient::new(fixture.channel);
    let first = answer::read(client.suggest(ask(2, 1)).await.unwrap().into_inner()).unwrap();
    assert_eq!(first.more, More::Now);
    assert_eq!(first.points.len(), 2);
    assert_eq!(first.points[0].assignments[0].value, "p");
    let all = answer::read(client.suggest(ask(9, 0)).await.unwrap().into_inner()).unwrap();
    assert_eq!(all.more, More::Never);
    assert_eq!(all.points.len(), 3);
}

#[tokio::test]
async fn refusals_have_codes_of_their_own() {
    let fixture = Fixture::new().await;
    fixture.experiment("lab", "tune", spec("ramdom"), &[]).await;
    let mut client = SuggestionClient::new(fixture.channel);
    for (request, code, text) in [
        (ask(0, 0), Code::InvalidArgument, "count: "),
        (
            SuggestRequest {
                experiment: String::new(),
                ..ask(1, 0)
            },
            Code::InvalidArgument,
            "experiment: ",
        ),
        (
            SuggestRequest {
                namespace: String::new(),
                ..ask(1, 0)
            },
            Code::NotFound,
            "experiment default/tune",
        ),
        (
            SuggestRequest {
                namespace: String::new(),
                ..ask(1, 7)
            },
            Code::NotFound,
            "experiment default/tune",
        ),
        (
            ask(1, 2),
            Code::Aborted,
            "experiment lab/tune is at revision 1 here, not 2",
        ),
        (
            ask(1, 0),
            Code::FailedPrecondition,
            "unknown algorithm \"ramdom\"; did you mean random?",
        ),
    ] {
        let error = client.suggest(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{}", error.message());
        assert!(error.message().starts_with(text), "{}", error.message());
    }
}

#[tokio::test]
async fn validation_places_problems_in_the_manifest() {
    let fixture = Fixture::new().await;
    let mut client = SuggestionClient::new(fixture.channel);
    let manifest = "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: tune}\nspec:\n  objectve: {}\n";
    let request = ValidateRequest {
        manifest: manifest.into(),
    };
    let problems = client
        .validate(request)
        .await
        .unwrap()
        .into_inner()
        .problems;
    let typo = problems
        .iter()
        .find(|problem| problem.path == "spec.objectve")
        .unwrap();
    assert_eq!((typo.line, typo.column), (5, 3));
    assert!(typo.hint.contains("objective"), "{}", typo.hint);
}
