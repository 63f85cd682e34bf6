# shellcheck shell=bash
# ./dev soak: the long versions of the tests. A part is a number of rounds, each with a seed of its own;
# a round that passed is not run again, so a soak can be stopped at any time and goes on where it was.
# A round that failed keeps its seed and is run again first.

readonly soak_folder=target/soak
readonly soak_parts=(kill faults cut memory properties)
readonly -A soak_rounds=([kill]=50 [faults]=20 [cut]=3 [memory]=3 [properties]=30)

cmd_soak() {
  local parts=("$@") part
  if ((${#parts[@]} == 0)); then
    parts=("${soak_parts[@]}")
  fi
  for part in "${parts[@]}"; do
    [[ -n ${soak_rounds[$part]:-} ]] || fail "there is no part '$part': take one of: ${soak_parts[*]}"
  done
  step 'Install what is missing' install_needs "$build_needs" "$test_needs" "$localstack_needs"
  step 'Web app' web_bundle
  step 'Build' cargo build --locked --workspace --all-targets
  for part in "${parts[@]}"; do
    soak "$part" "${soak_rounds[$part]}"
  done
}

# With --workspace, as they were built: with a part of it, crates would be built again with fewer features.
# 20 deaths of a server that takes an upload, 20 of one that transcodes, 20 of a client that uploads.
soak_round_kill() {
  HASHREEL_SEED=$1 HASHREEL_KILLS=20 cargo test --locked --workspace --test killed -- --nocapture
}

# Ten storms over the stores and the queue, the first with the round's seed, the others with those after it.
soak_round_faults() {
  HASHREEL_SEED=$1 HASHREEL_SEEDS=10 cargo test --locked --workspace --test storm -- --nocapture
}

# Each back end of an upload-svc lost for 30 s, gone and hanging.
soak_round_cut() {
  localstack_start
  local status=0
  (
    eval "$(localstack_resources environment)"
    HASHREEL_SEED=$1 HASHREEL_CUT_SECONDS=30 cargo test --locked --workspace --test cut_off -- --nocapture
  ) || status=$?
  localstack_down
  return "$status"
}

# An upload of 4 GiB to a server that must stay small.
soak_round_memory() {
  HASHREEL_SEED=$1 HASHREEL_UPLOAD_GIB=4 cargo test --locked --workspace --test bounds -- --nocapture
}

# 20,000 made-up inputs for every property of the pure crates.
soak_round_properties() {
  PROPTEST_RNG_SEED=$1 PROPTEST_CASES=20000 cargo test --locked -p chunking -p cmaf -p resumable
}

# soak PART ROUNDS: runs the rounds that have not passed yet, then writes the report.
soak() {
  local part=$1 rounds=$2 round folder seed
  for ((round = 1; round <= rounds; round++)); do
    folder=$soak_folder/$part/$(printf '%03d' "$round")
    if [[ -f $folder/passed ]]; then
      continue
    fi
    mkdir -p "$folder"
    if [[ ! -f $folder/seed ]]; then
      od -An -N7 -tu8 /dev/urandom | tr -d ' ' >"$folder/seed"
    fi
    seed=$(<"$folder/seed")
    step "Soak $part, round $round of $rounds, seed $seed" soak_round "$part" "$seed" "$folder"
  done
  soak_report
}

soak_round() {
  local part=$1 seed=$2 folder=$3
  if "soak_round_$part" "$seed" >"$folder/log" 2>&1 </dev/null; then
    date -u +%Y-%m-%dT%H:%M:%SZ >"$folder/passed"
    soak_findings "$folder/log"
  else
    tail -n 40 "$folder/log" >&2
    soak_report
    fail "it failed; the whole of it is in $folder/log, and ./dev soak $part runs this seed again"
  fi
}

# The counts that a round printed: lines of the tests that say what they did, and cargo's own. With one
# thread, the first line of a test stands behind its name.
soak_findings() {
  sed -E 's/^test [^ ]+ \.\.\. //' "$1" |
    grep -E '^(killed |storm [0-9]+: |lost |[0-9]+ GiB |an idle server|test result:)' | grep -v ' 0 passed' || true
}

# soak_report: every round there is, with its seed and what it found, in one file to read.
soak_report() {
  local folder report=$soak_folder/report.md
  {
    say '# Soak'
    for folder in "$soak_folder"/*/[0-9]*; do
      say
      say "## ${folder#"$soak_folder"/}, seed $(<"$folder/seed"): $(
        [[ -f $folder/passed ]] && echo "passed $(<"$folder/passed")" || echo 'not passed'
      )"
      say
      [[ ! -f $folder/log ]] || soak_findings "$folder/log" | sed 's/^/- /'
    done
  } >"$report"
  say "The report is $report."
}
