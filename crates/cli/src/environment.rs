//! The only file of this crate that reads the environment beside clap.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;

/// Where a user's data goes: `$XDG_DATA_HOME/diwan`, or the platform's usual place below the home directory.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn data_directory() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    if let Some(base) = std::env::var("XDG_DATA_HOME")
        .ok()
        .map(PathBuf::from)
        .and_then(absolute)
    {
        return Some(base.join("diwan"));
    }
    let home = std::env::home_dir().and_then(absolute)?;
    let below = if cfg!(target_os = "macos") {
        "Library/Application Support"
    } else {
        ".local/share"
    };
    Some(home.join(below).join("diwan"))
}

/// The value of a variable, if it is text.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How this program was called: `diwan`, or `target/debug/diwan` by `cargo run`.
pub(crate) fn program() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "diwan".to_owned())
}

/// A path as it is written down for a later process, which may start elsewhere.
pub(crate) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    std::path::absolute(path)
}

/// What moves a terminal's cursor to the start of its line and empties the line.
pub(crate) const ERASE_LINE: &str = "\r\x1b[K";

/// Whether stderr is a terminal on which a line can be drawn over.
pub(crate) fn can_draw() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Sends the program's own log to stderr: warnings, with `-v` more; `DIWAN_LOG` takes filters as tracing does.
pub(crate) fn start_log(verbose: u8) {
    // The database's connections come and go; who waits for it says so.
    let levels = [
        "warn,sqlx=error",
        "diwan=info,diwan_server=info,warn,sqlx=error",
        "debug",
    ];
    let level = levels[usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_env("DIWAN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let draws = can_draw();
    // A line of progress may stand where the message comes.
    let writer = move || {
        let mut stderr = std::io::stderr();
        if draws {
            let _ = stderr.write_all(ERASE_LINE.as_bytes());
        }
        stderr
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    log.with_ansi(colours).with_target(false).init();
}
