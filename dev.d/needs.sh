# shellcheck shell=bash
# What the project needs from the system, how to see that it is there, and how to install it.
# A line of a list: what it is | the command that proves it, printing a version | the Debian package.

readonly build_needs='
C compiler     | cc --version                         | gcc
C library      | header stdio.h                       | libc6-dev
make           | make --version                       | make
pkg-config     | pkg-config --version                 | pkg-config
libavcodec     | pkg-config --modversion libavcodec    | libavcodec-dev
libavformat    | pkg-config --modversion libavformat   | libavformat-dev
libavfilter    | pkg-config --modversion libavfilter   | libavfilter-dev
libavutil      | pkg-config --modversion libavutil     | libavutil-dev
libswscale     | pkg-config --modversion libswscale    | libswscale-dev
libswresample  | pkg-config --modversion libswresample | libswresample-dev
libclang       | find_libclang                        | libclang-dev
CA roots       | ca_roots                             | ca-certificates
Node.js >= 18  | node_version                         | nodejs
npm            | npm --version                        | npm
'

readonly test_needs='
ffmpeg         | ffmpeg -version                      | ffmpeg
Chromium       | chromium --version                   | chromium
curl           | curl --version                       | curl
nginx          | nginx_version                        | nginx
shellcheck     | shellcheck_version                   | shellcheck
'

header() {
  printf '#include <%s>\n' "$1" | cc -E -x c - >/dev/null 2>&1 && echo present
}

find_libclang() {
  local library
  for library in /usr/lib/llvm-*/lib/libclang.so /usr/lib*/libclang.so; do
    if [[ -e $library ]]; then
      echo "$library"
      return
    fi
  done
  return 1
}

ca_roots() {
  local file=/etc/ssl/certs/ca-certificates.crt
  [[ -s $file ]] && echo "$file"
}

node_version() {
  local version
  version=$(node --version) && [[ ${version%%.*} =~ ^v([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 18)) && echo "$version"
}

# It tells its version on stderr, and lies where only root looks.
nginx_version() {
  PATH=$PATH:/usr/sbin nginx -v 2>&1
}

shellcheck_version() {
  shellcheck --version | grep '^version:'
}

# The oldest Rust that builds this, as the manifest says.
rust_wanted() {
  sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml
}

# The version of the Rust that is here, where it is new enough.
rust_version() {
  local wanted found
  wanted=$(rust_wanted)
  cargo --version >/dev/null && found=$(rustc --version) || return 1
  found=${found#rustc }
  found=${found%%[ -]*}
  [[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1) == "$wanted" ]] && echo "$found"
}

rust_tools() {
  cargo clippy --version && cargo fmt --version
}

need_rust() {
  probe rust_version >/dev/null ||
    fail "this needs Rust $(rust_wanted) or newer, and here is $(probe 'rustc --version' || echo none): \
run rustup update, or install it as https://rustup.rs says (Debian's own is too old)"
}

# What checks the code, and is not needed to run it.
need_rust_tools() {
  probe rust_tools >/dev/null ||
    fail 'clippy or rustfmt is missing: run rustup component add clippy rustfmt'
}

# each_need LIST FUNCTION: calls FUNCTION what probe package for every line.
each_need() {
  local what probe package
  while IFS='|' read -r what probe package; do
    if [[ -n ${package// /} ]]; then
      "$2" "$(trim "$what")" "$(trim "$probe")" "$(trim "$package")"
    fi
  done <<<"$1"
}

trim() {
  local text=$1
  text=${text#"${text%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# probe COMMAND: the first line that it prints, or failure.
probe() {
  local words output
  read -ra words <<<"$1"
  output=$("${words[@]}" 2>/dev/null </dev/null) && printf '%s\n' "${output%%$'\n'*}"
}

missing_packages=()

note_missing() {
  probe "$2" >/dev/null || missing_packages+=("$3")
}

# install_needs LIST...: installs what is missing, and nothing else.
install_needs() {
  need_rust
  missing_packages=()
  local list
  for list in "$@"; do
    each_need "$list" note_missing
  done
  if ((${#missing_packages[@]} == 0)); then
    say "nothing is missing"
    return
  fi
  apt_install "${missing_packages[@]}"
  for list in "$@"; do
    each_need "$list" check_installed
  done
}

apt_install() {
  say "installing with apt-get: $*"
  command -v apt-get >/dev/null ||
    fail "there is no apt-get here: install the equivalents of these Debian packages: $*"
  ((EUID == 0)) || command -v sudo >/dev/null ||
    fail "installing needs root and there is no sudo; as root, run: apt-get install $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" \
    </dev/null >/dev/null
}

check_installed() {
  probe "$2" >/dev/null || fail "$1 is still missing after installing $3: '$2' fails"
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo "$@"
  fi
}

# npm_ci DIR: the packages of DIR/package-lock.json, installed again only when the lock or Node changes.
npm_ci() {
  local stamp=$1/node_modules/.installed want
  want="$(node --version) $(sha256sum <"$1/package-lock.json")"
  if [[ -f $stamp && $(<"$stamp") == "$want" ]]; then
    return
  fi
  say "npm ci in $1"
  (cd "$1" && npm ci --no-audit --no-fund </dev/null)
  printf '%s' "$want" >"$stamp"
}

# cargo_tool NAME VERSION [OPTION...]: a program from crates.io, in target/tools.
cargo_tool() {
  local name=$1 version=$2
  shift 2
  local stamp=target/tools/.$name-$version
  if [[ ! -f $stamp ]]; then
    say "cargo install $name $version into target/tools"
    # In a folder of cargo's own, so that its build is not mixed with ours.
    env --unset=CARGO_TARGET_DIR cargo install "$name" --version "$version" --locked --root target/tools "$@"
    touch "$stamp"
  fi
}
