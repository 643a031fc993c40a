//! The end of a search, as Diwan's own client hears it from Diwan's own service.

use diwan_core::record::TrialRecord;
use diwan_core::resources::ParameterAssignment;
use diwan_proto::katib::suggestion_server::SuggestionServer;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::super::suggestion::SuggestionService;
use super::*;
use crate::suggester::{KatibService, Next, SuggestError, Suggestions};

/// A grid of two points, and trials at these.
fn grid(points: impl IntoIterator<Item = String>) -> (ExperimentRecord, Vec<TrialRecord>) {
    let spec = ExperimentSpec {
        parameters: vec![choice("a", &["p", "q"])],
        ..spec("grid")
    };
    let record = ExperimentRecord {
        metadata: ObjectMeta::default(),
        spec,
        progress: Progress::default(),
    };
    let point = |value| Point {
        assignments: vec![ParameterAssignment {
            name: "a".into(),
            value,
        }],
        ..Point::default()
    };
    let suggested = Event::Suggested {
        points: points.into_iter().map(point).collect(),
        settings: Vec::new(),
        next: OptimizerState::Ready,
    };
    let now = Timestamp::from_millis(0);
    let mut snapshot = Snapshot::create(record, now);
    snapshot.apply(suggested, now).unwrap();
    let trials = snapshot.active.into_values().collect();
    (snapshot.record, trials)
}

async fn ask(
    address: &str,
    points: impl IntoIterator<Item = String>,
) -> Result<Suggestions, SuggestError> {
    let (record, trials) = grid(points);
    let service = KatibService::new(&format!("http://{address}")).unwrap();
    service.ask(&record, &trials, 2).await
}

#[tokio::test]
async fn the_few_that_are_left_come_first() {
    let fixture = Fixture::new().await;
    let few = ask(&fixture.address, ["p".to_owned()]).await.unwrap();
    assert_eq!(few.points.len(), 1);
    assert_eq!(few.next, Next::Ready);
    let none = ask(&fixture.address, ["p".to_owned(), "q".to_owned()]).await;
    assert_eq!(none.unwrap(), Suggestions::exhausted());
}

#[tokio::test]
async fn a_history_above_the_limit_of_a_server_ends_no_search() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let small = SuggestionServer::new(SuggestionService).max_decoding_message_size(1000);
    let server = Server::builder().add_service(small);
    let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let (record, _) = grid([]);
    let service = KatibService::new(&format!("http://{address}")).unwrap();
    let asked = service.ask(&record, &[], 2).await.unwrap();
    assert_eq!(asked.points.len(), 2, "a short one is served");

    let long = (0..100).map(|number| number.to_string());
    let error = ask(&address, long).await.unwrap_err();
    assert!(matches!(error, SuggestError::Failed(_)), "{error:?}");
    let told = error.to_string();
    assert!(
        told.contains("the limit is") && told.ends_with("(OutOfRange)"),
        "{told}"
    );
    server.abort();
}
