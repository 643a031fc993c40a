//! Lines of text or JSON: in the log of the command, or in a file of its own.

use std::io;
use std::path::PathBuf;

use diwan_collect::{Collector, Origin, Tail};
use diwan_core::defaults::METRICS_FILE;
use diwan_core::observation::{MetricPoint, Source};
use diwan_core::resources::CollectorKind;
use diwan_core::sidecar::SidecarConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Follow, Kind, path_of};

pub(super) const STDOUT: Kind = Kind {
    kind: CollectorKind::StdOut,
    open: |config, mark| {
        // Both streams are in one file.
        let path = config.log.clone().ok_or("log is missing")?;
        Lines::open(config, path, Source::StdOut, mark)
    },
};

pub(super) const FILE: Kind = Kind {
    kind: CollectorKind::File,
    open: |config, mark| {
        let path = path_of(config, METRICS_FILE);
        Lines::open(config, path, Source::File, mark)
    },
};

/// Where a file was left.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Mark {
    offset: u64,
    base: u64,
    print: u64,
}

struct Lines(Tail);

impl Lines {
    fn open(
        config: &SidecarConfig,
        path: PathBuf,
        source: Source,
        mark: Option<&Value>,
    ) -> Result<Box<dyn Follow>, String> {
        let collector = Collector::new(&config.metrics_collector, &config.objective)
            .map_err(|error| error.to_string())?;
        let mark: Option<Mark> = mark.and_then(|mark| Mark::deserialize(mark).ok());
        let tail = match mark {
            None => Tail::new(path, collector.stream(source, 0)),
            Some(Mark {
                offset,
                base,
                print,
            }) => Tail::resumed(
                path,
                collector.stream(source, offset),
                Origin { base, print },
            ),
        };
        Ok(Box::new(Self(tail)))
    }
}

impl Follow for Lines {
    fn poll(&mut self, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        self.0.poll(out)
    }

    fn finish(&mut self, out: &mut Vec<MetricPoint>) {
        self.0.finish(out);
    }

    fn mark(&self) -> Value {
        let Origin { base, print } = self.0.origin();
        let offset = self.0.stream().cursor();
        serde_json::to_value(Mark {
            offset,
            base,
            print,
        })
        .unwrap_or_default()
    }

    fn name(&self) -> String {
        self.0.path().display().to_string()
    }
}
