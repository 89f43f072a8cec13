#!/usr/bin/env bash
# A suite in any language: a registry in memory for the time of the script, driven by skopeo.
# Needs bash, skopeo and ocilot in PATH (or OCILOT="node path/to/cli.js").
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The registry is busy at the first upload: skopeo must come again.
cat > "$folder/rules.yaml" <<'RULES'
- match: { operation: upload.start }
  times: 1
  fault: { kind: status, status: 429, retryAfter: 1 }
RULES

# The registry ends with this script. Its first line is its URL, printed when it listens.
coproc REGISTRY { exec ${OCILOT:-ocilot} serve --ephemeral --port 0 --print-url --exit-with-parent \
  --seed "team/base=$1" --faults "$folder/rules.yaml" 2> "$folder/log"; }
read -r url <&"${REGISTRY[0]}"
host=${url#http://}

failures=0
check() {
  local name=$1
  shift
  if "$@" > "$folder/output" 2>&1; then echo "ok - $name"; else
    echo "not ok - $name"
    cat "$folder/output"
    failures=$((failures + 1))
  fi
}

base=docker://$host/team/base:stable
copy=docker://$host/team/copy:1.0

check 'a busy registry is asked again' \
  skopeo copy --preserve-digests --src-tls-verify=false --dest-tls-verify=false "$base" "$copy"
check 'the copy is there' skopeo inspect --tls-verify=false "$copy"
check 'the copy has the same digest' test \
  "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "$base")" = \
  "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "$copy")"
check 'the copy can be deleted' skopeo delete --tls-verify=false "$copy"

exit "$failures"
