//! An image with nothing but the trial's program.

use std::fs;
use std::path::Path;

use tokio::process::Command;

use crate::pod::{PROGRAM, Pod, run, text};

/// No shell, no libraries but those that the programs are linked with, no `/etc`, `/proc` or `/dev`. What is built for images
/// is linked statically, and then needs none.
#[tokio::test]
async fn is_enough() {
    let pod = Pod::new();
    let root = pod.path("root");
    let programs = [PROGRAM, "/usr/bin/seq"];
    for program in programs {
        let linked = run({
            let mut ldd = Command::new("ldd");
            ldd.arg(program);
            ldd
        });
        for library in text(&linked.await.stdout).split_whitespace() {
            if library.starts_with('/') {
                copy(Path::new(library), &root);
            }
        }
        copy(Path::new(program), &root);
    }
    fs::create_dir(root.join("shared")).unwrap();
    let mut command = Command::new("unshare");
    command.arg("--map-root-user").arg("--root").arg(&root);
    command.args([PROGRAM, "exec", "--dir", "/shared", "--log", "/shared/log"]);
    command.args(["--", "/usr/bin/seq", "3"]);
    let output = run(command).await;
    assert_eq!(
        text(&output.stdout),
        "1\n2\n3\n",
        "{}",
        text(&output.stderr)
    );
    assert_eq!(
        fs::read_to_string(root.join("shared/log")).unwrap(),
        "1\n2\n3\n"
    );
    assert!(root.join("shared/ended").exists());
}

fn copy(file: &Path, root: &Path) {
    let target = root.join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(file, target).unwrap();
}
