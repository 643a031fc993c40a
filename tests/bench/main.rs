//! What Diwan costs: `cargo bench -p diwan --bench overhead [-- processes | history]`.
//!
//! Everything is measured beside its yardstick in the same run, so that the ratios hold on a shared machine. `cargo test`
//! runs the same on a few trials, to see that it still works; those numbers mean nothing.

mod experiment;
mod history;
mod processes;

fn main() {
    let (flags, wanted): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with('-'));
    // `cargo bench` adds it, and `cargo test` does not.
    let effort = match flags.iter().any(|flag| flag == "--bench") {
        true => Effort::Full,
        false => Effort::Smoke,
    };
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    if is_wanted("processes") {
        processes::measure(effort);
    }
    if is_wanted("history") {
        history::measure(effort);
    }
}

/// How much is run.
#[derive(Clone, Copy)]
enum Effort {
    /// Enough for numbers.
    Full,
    /// Enough to see that the measuring works.
    Smoke,
}

impl Effort {
    fn of<T>(self, full: T, smoke: T) -> T {
        match self {
            Self::Full => full,
            Self::Smoke => smoke,
        }
    }
}

/// A place beside the build, not in the directory for temporary files: ext4 looks for a free inode one by one past all that
/// were deleted near it in the last minutes, which made every file of a trial cost as much as its process.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory")
}

/// The middle one; of none, NaN.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
