# shellcheck shell=bash
# Processes that outlive ./dev. Each has a file that says which it is: its id, and when it started, since
# the system gives an id to others once its process is gone.

readonly process_folder=$PWD/target/localstack

# start_process NAME PORT COMMAND...: in the background, unless it runs; its output goes to NAME.log.
start_process() {
  local name=$1 port=$2 pid
  shift 2
  if process_id "$name" >/dev/null; then
    say "$name $(process_state "$name")"
    return
  fi
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    fail "port $port is taken, and not by a $name of this folder: end who has it, or set another port (HASHREEL_${name^^}_PORT)"
  fi
  mkdir -p "$process_folder"
  setsid "$@" >"$process_folder/$name.log" 2>&1 </dev/null &
  pid=$!
  printf '%s %s' "$pid" "$(process_start "$pid")" >"$process_folder/$name.pid"
  say "started $name, process $pid, port $port; it writes to target/localstack/$name.log"
}

# process_id NAME: the id of the process that start_process started, if it still runs.
process_id() {
  local file=$process_folder/$1.pid pid started
  [[ -f $file ]] || return 1
  read -r pid started <"$file" || true
  [[ -n $pid && -n $started && $(process_start "$pid") == "$started" ]] || return 1
  printf '%s' "$pid"
}

process_state() {
  local pid
  if pid=$(process_id "$1"); then
    printf 'runs as process %s' "$pid"
  else
    printf 'does not run'
  fi
}

# When a process started, in clock ticks since boot; nothing where there is none.
process_start() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # Behind the name, which may hold anything, it is the 20th field.
  stat=${stat##*) }
  cut -d' ' -f20 <<<"$stat"
}

# stop_process NAME: asks it to end, and after ten seconds ends it.
stop_process() {
  local name=$1 pid tries
  if ! pid=$(process_id "$name"); then
    say "$name does not run"
    rm -f "$process_folder/$name.pid"
    return
  fi
  kill "$pid"
  for ((tries = 0; tries < 100; tries++)); do
    if ! process_id "$name" >/dev/null; then
      say "stopped $name, process $pid"
      rm -f "$process_folder/$name.pid"
      return
    fi
    sleep 0.1
  done
  # LocalStack now and then waits for its own threads for ever.
  kill -KILL "$pid"
  rm -f "$process_folder/$name.pid"
  say "$name, process $pid, did not end when it was asked, and was ended"
}
