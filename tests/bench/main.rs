//! What Diwan costs: `cargo bench -p diwan --bench overhead [-- processes | history]`.
//!
//! Everything is measured beside its yardstick in the same run, so that the ratios hold on a shared machine.

mod experiment;
mod history;
mod processes;

fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    if is_wanted("processes") {
        processes::measure();
    }
    if is_wanted("history") {
        history::measure();
    }
}

/// A place beside the build, not in the directory for temporary files: ext4 looks for a free inode one by one past all that
/// were deleted near it in the last minutes, which made every file of a trial cost as much as its process.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory")
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
