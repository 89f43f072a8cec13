#!/bin/sh
# An application crosses an air gap: two images and a bundle are made and pushed to a registry; the bundle is copied into
# one file, with everything it needs; that registry goes away; the file is checked, loaded into another registry, and the
# application is pulled from there. Every line behind a `$` is what a person would type. Nothing but loopback is used.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
one='' two=''
trap 'kill $one $two 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# The program that is installed, or else the one of this checkout.
if command -v ocilot >/dev/null; then program=$(command -v ocilot); else program="node $here/../../dist/cli.js"; fi
ocilot() { $program "$@"; }

say() { printf '\n# %s\n' "$*"; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}

# Serves a data folder on a free port: `serve NAME` sets $pid and $host.
serve() {
  printf '$ ocilot serve --data %s --port 0 --print-url > %s.url &\n' "$1" "$1"
  # Not through the function: a shell of its own would stand between.
  $program serve --data "$1" --port 0 --print-url >"$1.url" 2>"$1.log" &
  pid=$!
  while ! [ -s "$1.url" ]; do sleep 0.05; done
  host=$(sed 's,http://,,' "$1.url")
}

cd "$work"
cp -R "$here/app" "$here/web" "$here/worker" .

say 'Here, where there is a network: a registry, and two images in it.'
serve near
one=$pid near=$host
run ocilot image append --oci-empty-base -f ./web/:/srv/www --label app=shop --set-platform linux/amd64 -t "$near/shop/web:1.0"
run ocilot image append --oci-empty-base -f ./worker/:/opt/worker --entrypoint /opt/worker/work.sh \
  --set-platform linux/amd64 -t "$near/shop/worker:1.0"

say 'The bundle: configuration, and the images it needs, by digest.'
mkdir -p app/.imgpkg
cat >app/.imgpkg/images.yml <<LOCK
apiVersion: imgpkg.carvel.dev/v1alpha1
kind: ImagesLock
images:
- image: $(ocilot image digest --full-ref "$near/shop/web:1.0")
- image: $(ocilot image digest --full-ref "$near/shop/worker:1.0")
LOCK
run cat app/.imgpkg/images.yml
run ocilot push -b "$near/shop/bundle:1.0" -f app
run ocilot copy -b "$near/shop/bundle:1.0" --to-tar shop.tar

say 'The first registry is gone. All there is, is a file.'
kill "$one"
wait "$one" 2>/dev/null || true
one=''
run ocilot verify shop.tar

say 'There, behind the gap: another registry, and everything in it again.'
serve far
two=$pid far=$host
run ocilot copy --tar shop.tar --to-repo "$far/shop/bundle"
run ocilot pull -b "$far/shop/bundle:1.0" -o pulled
run cat pulled/.imgpkg/images.yml
run diff -r --exclude .imgpkg app pulled
for digest in $(sed -n 's,.*image: .*/bundle@\(sha256:.*\),\1,p' pulled/.imgpkg/images.yml); do
  run ocilot image validate --remote "$far/shop/bundle@$digest"
done
say 'Nothing is missing, and nothing has changed.'
