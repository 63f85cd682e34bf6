# shellcheck shell=bash
# ./dev doctor: what is needed, what is there, and how to get what is not.

cmd_doctor() {
  doctor_missing=()
  doctor_line "Rust >= $(rust_wanted)" rust_version 'rustup update, or https://rustup.rs'
  doctor_line 'Rust tools' rust_tools 'rustup component add clippy rustfmt (for ./dev test)'
  each_need "$build_needs" doctor_package
  each_need "$test_needs" doctor_package
  each_need "$localstack_needs" doctor_package
  if ((${#doctor_missing[@]} > 0)); then
    say
    fail "missing: $(IFS=,; printf '%s' "${doctor_missing[*]}") (./dev up and ./dev test install what apt-get can)"
  fi
}

doctor_package() {
  doctor_line "$1" "$2" "apt-get install $3"
}

# doctor_line WHAT PROBE HOW_TO_GET_IT
doctor_line() {
  local found
  if found=$(probe "$2"); then
    printf '%-15s %s\n' "$1" "${found:0:70}"
  else
    printf '%-15s missing: %s\n' "$1" "$3"
    doctor_missing+=("$1")
  fi
}
