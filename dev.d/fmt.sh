# shellcheck shell=bash
# ./dev fmt: the one way the code looks.

cmd_fmt() {
  cargo fmt --all
}
