#!/bin/sh
# Installs Ocilot from its offline archive: sh install.sh [PREFIX]. Needs Node and no network.
# PREFIX is /usr/local for root, else ~/.local; the program comes to PREFIX/lib/ocilot and PREFIX/bin/ocilot.
set -eu

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

case "${1:-}" in
-*)
  sed -n '2,3s/^# //p' "$0"
  exit 0
  ;;
esac

if [ "$(id -u)" = 0 ]; then standard=/usr/local; else standard=${HOME:?}/.local; fi
prefix=${1:-$standard}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

command -v node >/dev/null || fail 'there is no node in PATH: install Node 20.19 or newer first'
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);
' || fail "node is $(node --version), expected 20.19 or newer"

mkdir -p "$prefix/lib" "$prefix/bin"
prefix=$(CDPATH='' cd -- "$prefix" && pwd -P)
target=$prefix/lib/ocilot
new=$prefix/lib/.ocilot.new.$$
old=$prefix/lib/.ocilot.old.$$
trap 'rm -rf "$new" "$old"' EXIT

if [ "$here" != "$target" ]; then
  cp -R "$here" "$new"
  chmod -R u+w,a+rX "$new"
  # What is there keeps working until the new one is whole.
  if [ -e "$target" ]; then mv "$target" "$old"; fi
  mv "$new" "$target"
fi
ln -sf ../lib/ocilot/dist/cli.js "$prefix/bin/ocilot"

# The parts that are made for a platform: without the first nothing is kept, without the second nobody logs in.
(
  cd "$target"
  node --input-type=module -e 'await import("classic-level")' 2>/dev/null ||
    fail "there is no LevelDB for $(node -p 'process.platform + "-" + process.arch') in this archive"
  node --input-type=module -e 'await import("@node-rs/bcrypt")' 2>/dev/null ||
    printf 'install.sh: %s\n' 'there is no bcrypt for this platform in this archive: access control will not work' >&2
)

"$prefix/bin/ocilot" version
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) printf 'add %s to PATH\n' "$prefix/bin" ;;
esac
