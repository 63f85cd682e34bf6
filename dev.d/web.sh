# shellcheck shell=bash
# The web app: npm packages, checks, and the bundle that the binary embeds.

web_install() {
  npm_ci web
}

# web_bundle: what the binary embeds, from nothing.
web_bundle() {
  web_install
  web_build
}

web_check() {
  npm --prefix web run check
  npm --prefix web test
}

# Builds web/dist when a source is newer than it, told by content and not by clock.
web_build() {
  local stamp=target/web-dist.sum want
  want=$(web_sources_sum)
  if [[ -f web/dist/index.html && -f $stamp && $(<"$stamp") == "$want" ]]; then
    say "web/dist is up to date"
    return
  fi
  npm --prefix web run build
  mkdir -p target
  printf '%s' "$want" >"$stamp"
}

web_sources_sum() {
  find web \( -path web/node_modules -o -path web/dist \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}
