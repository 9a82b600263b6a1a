#!/usr/bin/env bash
# The official MCP client conformance suite against our host; `make conformance` has installed it.
# It needs Node.js 22: npm's own where there is one for this system, else the one on the PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE="${UMCP_CONFORMANCE:-$PWD/.cache/npm}"
PYTHON="${PYTHON:-$PWD/.venv/bin/python}"
case "$PYTHON" in /*) ;; *) PYTHON="$PWD/$PYTHON" ;; esac
NODE="$SUITE/node_modules/.bin/node"
[ -x "$NODE" ] || NODE=node
LOG="$(mktemp)"
trap 'rm -f "$LOG"' EXIT

# All scenarios of a suite start at once; on a small machine each then takes its time.
run() {
  echo "== conformance client $*"
  "$NODE" "$SUITE/node_modules/@modelcontextprotocol/conformance/dist/index.js" \
    client --command "$PYTHON $PWD/tests/conformance/client.py" --timeout 180000 \
    -o "$SUITE/results" "$@" >"$LOG" 2>&1 || { cat "$LOG"; return 1; }
  sed -n '/=== SUITE SUMMARY ===/,$p' "$LOG"
  if grep -q '^✗' "$LOG"; then return 1; fi  # scenarios that are not scored count here
}

run --requirements 2026-07-28
run --spec-version 2025-11-25 --suite all
run --suite all
