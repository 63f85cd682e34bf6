# shellcheck shell=bash
# ./dev test: every check there is, the quick ones first. CI runs this and nothing else.

readonly cargo_deny_version=0.20.2
readonly test_log=target/test.log
# The tests that need S3, SQS or DynamoDB. Their manifests keep them out of `cargo test`.
# With --workspace they are built with the features that all else is built with, and so not twice.
readonly localstack_tests=(
  --workspace --test dynamodb --test sqs --test s3
  --test programs --test presigned --test cut_off --test deploy
)
# These run a second time, over the three programs instead of `hashreel up`.
readonly programs_tests=(--workspace --test round_trip --test browser)

cmd_test() {
  need_rust_tools
  step 'Install what is missing' install_needs "$build_needs" "$test_needs" "$localstack_needs"
  step 'Format' cargo fmt --all --check
  step 'Shell scripts' shell_check
  step 'Web app: packages, checks, bundle' test_web
  step 'Clippy' cargo clippy --locked --workspace --all-targets -- -D warnings
  step 'Clippy of what needs LocalStack' cargo clippy --locked "${localstack_tests[@]}" -- -D warnings
  step 'Documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
  step 'Licences, bans, sources' dependency_check
  # The program too: the system tests start the real one.
  step 'Build' cargo build --locked --workspace --all-targets
  : >"$test_log"
  # All at once: with a part of the workspace, crates would be built again with fewer features.
  step 'Tests' cargo_test --workspace
  localstack_start
  step 'Tests on LocalStack' test_localstack
  step 'Nothing left behind' no_server_left
  say_times
  grep '^test result:' "$test_log"
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
  cargo test --locked "$@" </dev/null 2>&1 | tee -a "$test_log"
}

# LocalStack is stopped whatever the tests said. It answers within seconds; who waits longer hangs.
test_localstack() {
  local status=0
  (
    eval "$(localstack_resources environment)"
    cargo_test "${localstack_tests[@]}" && HASHREEL_DEPLOYMENT=programs cargo_test "${programs_tests[@]}"
  ) || status=$?
  localstack_down
  return "$status"
}

# A test that leaves its server running would hold ports and memory, and hide that it does not stop.
no_server_left() {
  local exe folder left=()
  # As the kernel names it: without the symlinks by which a clone may be reached.
  folder=$(realpath "$CARGO_TARGET_DIR/debug")
  for exe in /proc/[0-9]*/exe; do
    case $(readlink "$exe" 2>/dev/null) in
      "$folder"/hashreel* | "$folder"/upload-svc* | "$folder"/meta-svc* | "$folder"/transcode-worker*)
        exe=${exe%/exe}
        left+=("${exe#/proc/}")
        ;;
    esac
  done
  ((${#left[@]} == 0)) || fail "the tests left servers running: ${left[*]}"
}
