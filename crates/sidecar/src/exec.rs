//! `exec`: starts the trial's command, and ends as it does.

mod child;
mod log;
mod signals;
mod tee;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, interval, sleep_until};

use self::child::{Child, Exit};
use self::log::Log;
use self::signals::Signals;
use self::tee::Tees;
use crate::cli::Exec;
use crate::shared::{Ended, Shared};
use crate::{Failure, clock, say};

/// How soon a command is stopped after `watch` has asked for it.
const LOOK: Duration = Duration::from_millis(200);

/// The log of the tees; none if there is none, or it cannot be opened.
type SharedLog = Option<Arc<Mutex<Log<File>>>>;

pub(crate) fn run(arguments: &Exec) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::system(format!("cannot start: {error}")))?;
    Ok(runtime.block_on(accompany(arguments)))
}

/// Nothing that goes wrong beside the command keeps it from running: a trial without metrics says so, one that never ran
/// says nothing.
async fn accompany(arguments: &Exec) -> u8 {
    let shared = Shared::new(&arguments.directory);
    let held = shared.begin();
    if let Err(error) = &held {
        let directory = arguments.directory.display();
        say(&format!(
            "cannot say in {directory} that the command runs: {error}"
        ));
    }
    let log = arguments.log.as_deref().and_then(open_log);
    let ended = match shared.asked_to_stop() {
        Some(stop) => {
            say(&format!(
                "the trial was stopped early, its command is not started again: {}",
                stop.reason
            ));
            ended(Exit::Code(0), true)
        }
        None => run_command(arguments, &shared, &log).await,
    };
    if let Err(error) = shared.end(&ended) {
        let directory = arguments.directory.display();
        say(&format!("cannot say in {directory} how it ended: {error}"));
    }
    // Only now: whoever finds it unlocked looks for the end.
    drop(held);
    ended.exit_code()
}

fn open_log(path: &Path) -> SharedLog {
    match log::open(path) {
        Ok(file) => Some(Arc::new(Mutex::new(Log::new(file)))),
        Err(error) => {
            let path = path.display();
            say(&format!(
                "cannot write {path}, so no metrics are read from what the command prints: {error}"
            ));
            None
        }
    }
}

async fn run_command(arguments: &Exec, shared: &Shared, log: &SharedLog) -> Ended {
    // Before the command is there, so that no signal for it is lost.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return not_started(126, format!("cannot listen for signals: {error}"), log),
    };
    let (mut child, outputs) = match child::start(&arguments.command) {
        Ok(started) => started,
        Err(refused) => return not_started(refused.code, refused.message, log),
    };
    let tees = Tees::start(outputs, log);
    let (exit, stopped) = follow(&mut child, &mut signals, shared).await;
    tees.finish();
    ended(exit, stopped)
}

/// Until the command has ended; whether it was stopped early.
async fn follow(child: &mut Child, signals: &mut Signals, shared: &Shared) -> (Exit, bool) {
    let mut look = interval(LOOK);
    let mut kill_at: Option<Instant> = None;
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                signals::Heard::Child => {}
                signals::Heard::Forward(signal) => child.signal(signal),
            },
            _ = look.tick(), if kill_at.is_none() => {
                if let Some(stop) = shared.asked_to_stop() && child.exit().is_none() {
                    say(&format!("the trial is stopped early: {}", stop.reason));
                    child.terminate_all();
                    kill_at = Some(Instant::now() + stop.grace());
                }
            }
            () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                child.kill_all();
                // What cannot even be killed is not waited for.
                kill_at = Some(Instant::now() + LOOK);
            }
        }
        child.reap();
        let Some(exit) = child.exit() else { continue };
        if kill_at.is_none() || !child.has_others() {
            return (exit, kill_at.is_some());
        }
    }
}

fn ended(exit: Exit, stopped: bool) -> Ended {
    let (code, signal) = match exit {
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    };
    Ended {
        code,
        signal,
        stopped,
        error: None,
        time: clock::now(),
    }
}

fn not_started(code: i32, message: String, log: &SharedLog) -> Ended {
    say(&message);
    if let Some(log) = log {
        // Katib's clients show the log that `watch` copies.
        let line = format!("diwan-collect: {message}\n");
        let _ = tee::lock(log).push(1, line.as_bytes());
    }
    Ended {
        error: Some(message),
        ..ended(Exit::Code(code), false)
    }
}
