# shellcheck shell=bash
# How ./dev talks: what it does on stdout, what went wrong on stderr, and how long each step took.

current_step=
step_times=()

fail() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

say() {
  printf '%s\n' "$*"
}

# step TITLE COMMAND...: runs the command under a heading and notes how long it took.
step() {
  current_step=$1
  shift
  printf '\n== %s\n' "$current_step"
  local start=$SECONDS
  "$@"
  step_times+=("$(printf '%4d s  %s' $((SECONDS - start)) "$current_step")")
  printf '   took %d s\n' $((SECONDS - start))
  current_step=
}

say_times() {
  printf '\n== Steps\n'
  printf '%s\n' "${step_times[@]}"
  printf '%4d s  in all\n\n' "$SECONDS"
}

say_failed_step() {
  local status=$?
  if ((status != 0)) && [[ -n $current_step ]]; then
    printf 'dev: failed at: %s\n' "$current_step" >&2
  fi
}
trap say_failed_step EXIT
