//! The small shell that leads a launch's process group.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// What the leader is called in messages and process lists.
const NAME: &str = "diwan-trial";

/// `$1` is the attempt's directory, the rest is the command. Only builtins, so it needs no `PATH`; no variables, so the
/// command's environment is untouched.
///
/// - `set -C` makes the first `>` exclusive: of any number of leaders for one attempt, one goes on.
/// - The handler keeps the leader alive through a TERM to its group, to record the end. The command gets the default back.
/// - A TERM that comes between the handler and the command is lost in the shell. Whoever stops a launch makes `stop` first, so
///   one of the two is always seen.
/// - `exec` runs a program even where the shell has a builtin of that name.
/// - The second TERM reaches what the command left behind. The group is certainly ours: its leader is still there.
/// - The shell's own complaints go nowhere, except the one that a command cannot be run.
const SCRIPT: &str = r#"exec 3>&2 2>/dev/null
set -C
echo $$ >"$1/status" || exit 125
trap : HUP INT QUIT TERM
([ -e "$1/stop" ] && exit 143; shift; exec "$@" 2>&3 3>&-)
set -- "$1" $?
trap '' TERM
kill -s TERM 0
echo $2 >>"$1/status"
exit $2"#;

/// Made in the attempt's directory before a launch is told to stop.
pub(super) const STOP: &str = "stop";

/// Where the attempt's directory stands among the leader's arguments: after `/bin/sh -c SCRIPT NAME`.
pub(super) const DIRECTORY_ARGUMENT: usize = 4;

/// What a launch needs, resolved.
#[derive(Debug)]
pub(super) struct Wrapped<'a> {
    pub(super) attempt_directory: &'a Path,
    pub(super) work_directory: &'a Path,
    pub(super) argv: &'a [String],
    /// Put over Diwan's own environment, in this order.
    pub(super) env: &'a [(String, String)],
    pub(super) stdout: File,
    pub(super) stderr: File,
}

impl Wrapped<'_> {
    /// Starts the leader in a process group of its own. It lives on when the handle is dropped.
    pub(super) fn spawn(self) -> std::io::Result<Child> {
        let (plain, odd): (Vec<_>, Vec<_>) = self
            .env
            .iter()
            .cloned()
            .partition(|(name, _)| is_identifier(name));
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, NAME])
            .arg(self.attempt_directory);
        if !odd.is_empty() {
            // Some shells drop variables that they could not name themselves.
            command
                .arg("env")
                .args(odd.iter().map(|(name, value)| format!("{name}={value}")));
        }
        command
            .args(self.argv)
            .envs(plain)
            .current_dir(self.work_directory)
            .stdin(Stdio::null())
            .stdout(self.stdout)
            .stderr(self.stderr)
            .process_group(0)
            .spawn()
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
