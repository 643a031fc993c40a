//! How the end of a launch is told.

use diwan_core::engine::End;
use nix::sys::signal::Signal;

use super::status::Status;
use crate::launch::LaunchId;
use crate::logs;

/// Lines of stderr in a message.
const TAIL_LINES: usize = 10;
/// Bytes of stderr in a message.
const TAIL_BYTES: u64 = 2048;

const PATH_HINT: &str = "a relative path starts in the trial's own directory; for a file beside the experiment's, write \
                         $(DIWAN_SOURCE_DIR)/… or set workingDir to .";

/// The end that a status with a code stands for.
pub(super) fn end(id: &LaunchId, status: &Status, code: i32) -> End {
    if status.called_off {
        return End::Left("it was stopped before it started".to_owned());
    }
    if let Some(seconds) = status.overdue {
        return End::Failed(format!(
            "it ran longer than activeDeadlineSeconds ({seconds} s)"
        ));
    }
    if status.told {
        return End::Left(format!(
            "it ended with exit code {code} after it was told to stop"
        ));
    }
    if code == 0 && status.full {
        return End::Truncated(
            "the disk of its directory was full when it ended, so what it wrote may be cut off"
                .to_owned(),
        );
    }
    if code == 0 {
        return End::Succeeded;
    }
    let tail = tail(id);
    let mut message = cause(code);
    if matches!(code, 126 | 127) || mentions_missing_file(&tail) {
        message.push_str("; ");
        message.push_str(PATH_HINT);
    }
    if !tail.is_empty() {
        message.push_str("; last lines of stderr:\n");
        message.push_str(&tail);
    }
    End::Failed(message)
}

/// The end of a launch of which only the claim is left.
pub(super) fn lost(id: &LaunchId) -> End {
    End::Lost(format!(
        "{id} is gone and left no exit status; the machine went down, or what waited for it (diwan supervise) was killed"
    ))
}

fn cause(code: i32) -> String {
    let signal = (code > 128)
        .then(|| Signal::try_from(code - 128).ok())
        .flatten();
    match (code, signal) {
        (126, _) => "exit code 126: the command cannot be executed".to_owned(),
        (127, _) => "exit code 127: command not found".to_owned(),
        (_, Some(Signal::SIGKILL)) => {
            "killed by SIGKILL (exit code 137); the machine may have run out of memory".to_owned()
        }
        (_, Some(signal)) => format!("killed by {signal} (exit code {code})"),
        (_, None) => format!("exit code {code}"),
    }
}

fn mentions_missing_file(tail: &str) -> bool {
    tail.contains("No such file or directory")
}

/// The last lines of stderr, fit to be shown: of a progress bar only the last state, control characters escaped.
fn tail(id: &LaunchId) -> String {
    let bytes = logs::last_bytes(&id.stderr(), TAIL_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    let shown = lines[first..]
        .iter()
        .map(|line| printable(last_state(line)));
    shown.collect::<Vec<_>>().join("\n")
}

fn last_state(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line)
}

fn printable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() && c != '\t' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_name_signals() {
        assert_eq!(cause(3), "exit code 3");
        assert_eq!(cause(139), "killed by SIGSEGV (exit code 139)");
        assert_eq!(cause(255), "exit code 255");
        assert!(cause(137).contains("out of memory"));
    }

    #[test]
    fn lines_are_made_printable() {
        assert_eq!(printable("\u{1b}[31mred\t\u{7}"), "\\u{1b}[31mred\t\\u{7}");
        assert_eq!(last_state("10%\r50%\r100%\r"), "100%");
    }
}
