//! Facts about the build, for `rust_market.build_info()`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

/// What the extension is built from, next to the Rust sources below `SOURCE_DIRECTORIES`.
const MANIFESTS: [&str; 4] = ["build.rs", "Cargo.toml", "Cargo.lock", "core/Cargo.toml"];
const SOURCE_DIRECTORIES: [&str; 2] = ["src", "core/src"];

fn main() {
    for path in MANIFESTS.iter().chain(&SOURCE_DIRECTORIES) {
        println!("cargo:rerun-if-changed={path}");
    }
    export("TARGET", &variable("TARGET"));
    export("PROFILE", &variable("PROFILE"));
    export("RUSTC", &compiler());
    export("SOURCE_HASH", &source_hash());
}

fn export(name: &str, value: &str) {
    println!("cargo:rustc-env=RUST_MARKET_{name}={value}");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

fn compiler() -> String {
    let output = Command::new(variable("RUSTC")).arg("-V").output();
    let version = output.expect("the compiler says its version").stdout;
    String::from_utf8_lossy(&version).trim().to_owned()
}

/// SHA-256 over (path, NUL, SHA-256 of the content) of every source, in order of the paths.
fn source_hash() -> String {
    let mut paths: Vec<String> = MANIFESTS.map(String::from).to_vec();
    for directory in SOURCE_DIRECTORIES {
        collect_sources(Path::new(directory), directory, &mut paths);
    }
    paths.sort();
    let mut hash = Sha256::new();
    for path in paths {
        let content = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        hash.update(path.as_bytes());
        hash.update(b"\0");
        hash.update(Sha256::digest(content));
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds the Rust files below a directory; `name` is its POSIX path.
fn collect_sources(directory: &Path, name: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("the source directory can be read") {
        let entry = entry.expect("the source directory can be read").path();
        let file = entry.file_name().expect("an entry has a name");
        let name = format!("{name}/{}", file.to_string_lossy());
        if entry.is_dir() {
            collect_sources(&entry, &name, paths);
        } else if name.ends_with(".rs") {
            paths.push(name);
        }
    }
}
