//! `copy`: brings this program into a volume, from where other images can run it.

use std::fs::File;
use std::path::Path;

use crate::{Failure, files};

/// The program's name there.
const NAME: &str = "diwan-collect";

pub(crate) fn run(directory: &Path) -> Result<u8, Failure> {
    let target = directory.join(NAME);
    let copied = std::env::current_exe()
        .and_then(File::open)
        .and_then(|mut program| files::write(&target, &mut program, 0o755));
    copied.map(|()| 0).map_err(|error| {
        let target = target.display();
        Failure::system(format!(
            "this program cannot be copied to {target}: {error}"
        ))
    })
}
