use std::sync::atomic::{AtomicUsize, Ordering};

use diwan_proto::convert::answer::{self, More};
use diwan_proto::diwan::suggestion_client::SuggestionClient;
use diwan_proto::diwan::{SuggestRequest, ValidateRequest};
use futures_util::future::join_all;
use tokio::sync::Barrier;
use tonic::Code;

use super::*;
use crate::grpc::serve::MAX_CALLS;
use crate::suggester::{SuggestError, Suggestions};

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
async fn given_points_come_before_those_of_the_optimizer() {
    let fixture = Fixture::new().await;
    fixture.experiment("lab", "tune", begun("grid"), &[]).await;
    let mut client = SuggestionClient::new(fixture.channel);
    for (count, expected) in [(1, &["t"][..]), (9, &["t", "q", "s"])] {
        let reply = client.suggest(ask(count, 0)).await.unwrap().into_inner();
        let points = answer::read(reply).unwrap().points;
        let values: Vec<_> = points
            .iter()
            .map(|point| &point.assignments[0].value)
            .collect();
        assert_eq!(values, expected);
    }
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

/// Answers when as many calls as a connection may make are there at the same time.
struct Gathering {
    full: Barrier,
    present: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Suggester for Gathering {
    async fn validate(&self, _: &ExperimentRecord) -> Result<(), SuggestError> {
        Ok(())
    }

    async fn suggest(&self, _: &Snapshot, _: u64) -> Result<Suggestions, SuggestError> {
        let present = self.present.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(present, Ordering::Relaxed);
        self.full.wait().await;
        self.present.fetch_sub(1, Ordering::Relaxed);
        Ok(Suggestions::exhausted())
    }
}

#[tokio::test]
async fn a_connection_has_only_so_many_calls_worked_on_at_once() {
    let gathering = Arc::new(Gathering {
        full: Barrier::new(MAX_CALLS),
        present: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let store = diwan_store::open("sqlite::memory:").await.unwrap();
    let fixture = Fixture::with(store, gathering.clone()).await;
    fixture.experiment("lab", "tune", spec("random"), &[]).await;
    let client = SuggestionClient::new(fixture.channel);
    let calls = (0..4 * MAX_CALLS).map(|_| {
        let mut client = client.clone();
        async move { client.suggest(ask(1, 0)).await }
    });
    for answer in join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(gathering.most.load(Ordering::Relaxed), MAX_CALLS);
}
