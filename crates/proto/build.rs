//! Compiles the `.proto` tree without protoc: protox reads it, prost and tonic write Rust.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const ROOT: &str = "../../proto";
const FILES: [&str; 2] = ["katib/api.proto", "diwan/v1/suggestion.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ROOT}");

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(FILES)?;

    // tonic's `file_descriptor_set_path` only works when it runs protoc itself. These bytes are what reflection serves, with
    // the comments, which clients show.
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(
        out.join("descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    // Maps of generated code are ordered, so that equal messages are equal bytes.
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
