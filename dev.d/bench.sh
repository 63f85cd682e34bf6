# shellcheck shell=bash
# ./dev bench: us and our peers, in turn, on this machine. What is measured is in bench/src/.

readonly bench_needs='
ffmpeg         | ffmpeg -version                      | ffmpeg
curl           | curl --version                       | curl
'
readonly rustus_version=0.5.10

cmd_bench() {
  step 'Install what is missing' install_needs "$build_needs" "$bench_needs"
  step 'Peers' bench_peers
  step 'Web app' web_bundle
  step 'Build' cargo build --locked --release -p cli -p bench -p upload-svc -p meta-svc -p transcode-worker
  if (($# == 0)) || [[ " $* " =~ \ (ingest-s3|costs)\  ]]; then
    step 'Install what is missing' install_needs "$localstack_needs"
    localstack_start
    step 'Measure' bench_on_localstack "$@"
  else
    step 'Measure' target/release/bench "$@"
  fi
  say 'Results are in bench/results/.'
}

# LocalStack is stopped whatever the benchmarks said.
bench_on_localstack() {
  local status=0
  (
    eval "$(localstack_resources environment)"
    target/release/bench "$@"
  ) || status=$?
  localstack_down
  return "$status"
}

bench_peers() {
  npm_ci bench/peers/tus-server
  cargo_tool rustus "$rustus_version"
  bench_nginx
}

# Unpacked and not installed: the package would start a server for everybody on port 80.
bench_nginx() {
  local folder=target/tools/nginx
  if [[ ! -x $folder/usr/sbin/nginx ]]; then
    say "Debian's nginx into $folder"
    mkdir -p "$folder"
    (cd "$folder" && apt-get download -qq nginx && dpkg-deb -x nginx_*.deb .)
  fi
}
