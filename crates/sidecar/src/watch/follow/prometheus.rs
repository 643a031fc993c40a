//! An endpoint of the trial, asked while the trial runs.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use diwan_collect::exposition::{Exposed, Exposition};
use diwan_core::observation::{MetricPoint, Place};
use diwan_core::resources::CollectorKind;
use diwan_core::sidecar::SidecarConfig;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Follow, Kind};

pub(super) const PROMETHEUS: Kind = Kind {
    kind: CollectorKind::PrometheusMetric,
    open: |config, mark| {
        let target = Target::of(config)?;
        let exposition = Exposition::new(&config.objective).map_err(|error| error.to_string())?;
        let (told, answers) = watch::channel(None);
        Ok(Box::new(Endpoint {
            name: target.url(),
            exposition,
            seen: mark
                .and_then(|mark| Seen::deserialize(mark).ok())
                .unwrap_or_default(),
            answers,
            task: tokio::spawn(target.ask_on(told)),
        }))
    },
};

/// Time between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most that is read of an answer, in bytes.
const MOST: u64 = 8 << 20;

/// The last value of each metric, and its time if it has one.
type Seen = BTreeMap<String, (String, Option<i64>)>;

/// What came: the text, or why there is none.
type Answer = Option<Result<String, String>>;

struct Endpoint {
    name: String,
    exposition: Exposition,
    seen: Seen,
    answers: watch::Receiver<Answer>,
    task: JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follow for Endpoint {
    /// A value that stays is one observation, not one a second. An endpoint that does not answer is of a trial that has not
    /// begun, or has ended.
    fn poll(&mut self, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        if !self.answers.has_changed().unwrap_or(false) {
            return Ok(0);
        }
        let answer = self.answers.borrow_and_update().clone();
        if let Some(Ok(text)) = answer {
            for exposed in self.exposition.read(&text) {
                self.take(exposed, out);
            }
        }
        Ok(0)
    }

    fn finish(&mut self, _: &mut Vec<MetricPoint>) {
        self.task.abort();
    }

    fn mark(&self) -> Value {
        serde_json::to_value(&self.seen).unwrap_or_default()
    }

    fn name(&self) -> String {
        match &*self.answers.borrow() {
            Some(Err(why)) => format!("{} ({why})", self.name),
            _ => self.name.clone(),
        }
    }
}

impl Endpoint {
    fn take(&mut self, exposed: Exposed, out: &mut Vec<MetricPoint>) {
        let Exposed {
            metric,
            value,
            time_ns,
        } = exposed;
        let news = (value.clone(), time_ns);
        if self.seen.get(&metric) == Some(&news) {
            return;
        }
        self.seen.insert(metric.clone(), news);
        out.push(MetricPoint {
            metric,
            value,
            time_ns,
            step: None,
            place: Place::pushed(0),
        });
    }
}

/// Where to ask. The containers of a pod have one network.
struct Target {
    host: String,
    port: u16,
    path: String,
}

impl Target {
    fn of(config: &SidecarConfig) -> Result<Self, String> {
        let source = config.metrics_collector.source.as_ref();
        let given = source.and_then(|source| source.http_get.clone());
        let given = given.unwrap_or_default();
        let text = |field: &str, default: &str| match given[field].as_str() {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => default.to_owned(),
        };
        let at = "source.httpGet";
        let scheme = text("scheme", "HTTP");
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(format!(
                "{at}.scheme is {scheme:?}; this program speaks HTTP"
            ));
        }
        // As Katib has it without one.
        let port = match &given["port"] {
            Value::Null => "8080".to_owned(),
            Value::String(port) => port.clone(),
            other => other.to_string(),
        };
        let number = port.parse().ok().filter(|port| *port > 0);
        let path = text("path", "/metrics");
        if path
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            return Err(format!("{at}.path is {path:?}; it must have no spaces"));
        }
        Ok(Self {
            host: text("host", "127.0.0.1"),
            port: number.ok_or_else(|| {
                format!("{at}.port is {port}; it must be a number from 1 to 65535")
            })?,
            path,
        })
    }

    fn url(&self) -> String {
        format!("http://{}:{}{}", self.host, self.port, self.path)
    }

    async fn ask_on(self, told: watch::Sender<Answer>) {
        let mut turn = interval(PAUSE);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turn.tick().await;
            let answer = match timeout(PATIENCE, self.ask()).await {
                Ok(Ok(answer)) => body(&answer),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            if told.send(Some(answer)).is_err() {
                return;
            }
        }
    }

    /// In HTTP 1.0, in which an answer ends with the connection.
    async fn ask(&self) -> io::Result<String> {
        let Self { host, port, path } = self;
        let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: text/plain;version=0.0.4\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// The text of an answer.
fn body(answer: &str) -> Result<String, String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("it is no HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    match status.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(format!("it answers {status:?}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(http_get: &Value) -> Result<String, String> {
        let config = json!({
            "version": 1, "trial": "t", "dbManager": "db:1", "dir": "/d",
            "objective": {"objectiveMetricName": "acc"},
            "metricsCollector": {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": http_get}},
        });
        let config = SidecarConfig::read(&config.to_string()).unwrap();
        Target::of(&config).map(|target| target.url())
    }

    #[test]
    fn targets_are_katib_s() {
        assert_eq!(
            target(&Value::Null).unwrap(),
            "http://127.0.0.1:8080/metrics"
        );
        let given = json!({"path": "/m", "port": "9090", "host": "other"});
        assert_eq!(target(&given).unwrap(), "http://other:9090/m");
        assert_eq!(
            target(&json!({"port": "web"})).unwrap_err(),
            "source.httpGet.port is web; it must be a number from 1 to 65535"
        );
        assert!(
            target(&json!({"scheme": "HTTPS"}))
                .unwrap_err()
                .contains("speaks HTTP")
        );
    }

    #[test]
    fn only_good_answers_have_values() {
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nA: b\r\n\r\nacc 1\n").unwrap(),
            "acc 1\n"
        );
        assert_eq!(
            body("HTTP/1.1 404 Not Found\r\n\r\n").unwrap_err(),
            "it answers \"HTTP/1.1 404 Not Found\""
        );
        body("SSH-2.0").unwrap_err();
    }
}
