# shellcheck shell=bash
# ./dev up: from a fresh clone to a running server with the given videos in it.

cmd_up() {
  local sample=no data=${HASHREEL_DATA:-$PWD/data} before='' arguments=()
  local listen=${HASHREEL_LISTEN:-127.0.0.1:8080}
  while (($# > 0)); do
    case $1 in
      --sample) sample=yes ;;
      --data)
        shift
        data=$(callers_path "${1:?--data wants a folder}")
        ;;
      --data=*) data=$(callers_path "${1#--data=}") ;;
      -h | --help)
        listen=
        arguments+=("$1")
        ;;
      --listen=*)
        listen=${1#--listen=}
        arguments+=("$1")
        ;;
      *)
        [[ $before != --listen ]] || listen=$1
        # A video, or the value of an option.
        if [[ $1 != -* && -e $(callers_path "$1") ]]; then
          arguments+=("$(callers_path "$1")")
        elif is_video "$1" "$before"; then
          # A build takes minutes; a typing mistake is told now.
          fail "there is no file $1"
        else
          arguments+=("$1")
        fi
        ;;
    esac
    before=$1
    shift
  done

  # So is a port that another program has.
  ! answers "$listen" || fail "$listen is in use: end what listens there, or name another by --listen"
  [[ -x target/release/hashreel ]] || say 'The first build takes minutes.'

  step 'Install what is missing' install_needs "$build_needs"
  if [[ $sample == yes ]]; then
    step 'Make a clip' make_sample target/sample.mp4
    arguments+=(target/sample.mp4)
  fi
  step 'Web app' web_bundle
  step 'Build' cargo build --locked --release -p cli
  say
  # By its full path, which is how it names itself where it says what to type.
  exec "$PWD/target/release/hashreel" up --data "$data" "${arguments[@]}"
}

# is_video ARGUMENT BEFORE: whether it can be nothing but the name of a video, coming after BEFORE. What
# follows an option may be its value.
is_video() {
  [[ $1 != -* ]] && [[ $2 != --* || $2 == *=* || $2 == --require-keys || $2 == --sample ]]
}

# answers ADDRESS: whether something listens there. What is no address is refused by hashreel itself.
answers() {
  local host=${1%:*}
  host=${host#[}
  # shellcheck disable=SC2016 # the inner shell expands it
  timeout 2 bash -c ': 3<>"/dev/tcp/$1/$2"' answers "${host%]}" "${1##*:}" 2>/dev/null
}

# callers_path PATH: what the caller meant, from where we are.
callers_path() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s' "$called_from/$1" ;;
  esac
}

# make_sample FILE: 30 seconds of 1080p with a tone that rises, written once.
make_sample() {
  if [[ -s $1 ]]; then
    say "$1 is there"
    return
  fi
  install_needs 'ffmpeg | ffmpeg -version | ffmpeg'
  mkdir -p "$(dirname "$1")"
  ffmpeg -nostdin -hide_banner -loglevel error -y \
    -f lavfi -i 'testsrc2=size=1920x1080:rate=30:duration=30' \
    -f lavfi -i 'aevalsrc=0.2*sin(2*PI*(220+8*t)*t):s=48000:d=30' \
    -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 60 -c:a aac -movflags +faststart \
    -f mp4 "$1.part"
  mv "$1.part" "$1"
  say "made $1"
}
