# shellcheck shell=bash
# ./dev test: every check there is, the quick ones first. CI runs this and nothing else.

readonly cargo_deny_version=0.20.2

cmd_test() {
  step 'Install what is missing' install_needs "$build_needs" "$test_needs"
  step 'Format' cargo fmt --all --check
  step 'Shell scripts' shell_check
  if [[ -d web ]]; then
    step 'Web app: packages, checks, bundle' test_web
  fi
  step 'Clippy' cargo clippy --locked --workspace --all-targets -- -D warnings
  step 'Documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
  step 'Licences, bans, sources' dependency_check
  step 'Tests' cargo_test --workspace
  say_times
  grep '^test result:' target/test.log
}

shell_check() {
  shellcheck --external-sources --check-sourced dev .ci/run
}

test_web() {
  web_install
  web_check
  web_build
}

# Advisories are not among them: their database lives on GitHub (see deny.toml).
dependency_check() {
  cargo_tool cargo-deny "$cargo_deny_version" --debug
  target/tools/bin/cargo-deny --locked check licenses bans sources
}

# cargo_test OPTION...: the output is kept, so that cargo's own summary lines can stand at the end.
cargo_test() {
  mkdir -p target
  cargo test --locked "$@" </dev/null 2>&1 | tee target/test.log
}
