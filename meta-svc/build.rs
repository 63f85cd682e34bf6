//! Says what to do where the web app was not bundled yet: the error of the embedding macro does not.

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=../web/dist");
    if Path::new("../web/dist/index.html").is_file() {
        return ExitCode::SUCCESS;
    }
    println!(
        "cargo::error=web/dist is missing: run `npm ci && npm run build` in web/, or ./dev up"
    );
    ExitCode::FAILURE
}
