#!/usr/bin/env bash
# The official MCP client conformance suite against our host. It needs Node 22, which npm brings.
set -euo pipefail
cd "$(dirname "$0")/../.."

SUITE="${UMCP_CONFORMANCE:-$PWD/.cache/conformance}"
VERSION=0.2.0-alpha.12
PYTHON="${PYTHON:-$PWD/.venv/bin/python}"

if [ ! -f "$SUITE/node_modules/@modelcontextprotocol/conformance/dist/index.js" ]; then
  mkdir -p "$SUITE"
  npm install --silent --no-audit --no-fund --prefix "$SUITE" \
    "@modelcontextprotocol/conformance@$VERSION" node@22
fi

# All scenarios of a suite start at once; on a small machine each then takes its time.
run() {
  echo "== conformance client $*"
  "$SUITE/node_modules/.bin/node" "$SUITE/node_modules/@modelcontextprotocol/conformance/dist/index.js" \
    client --command "$PYTHON $PWD/tests/conformance/client.py" --timeout 180000 \
    -o "$SUITE/results" "$@" >"$SUITE/log" 2>&1 || { cat "$SUITE/log"; return 1; }
  sed -n '/=== SUITE SUMMARY ===/,$p' "$SUITE/log"
  if grep -q '^✗' "$SUITE/log"; then return 1; fi  # scenarios that are not scored count here
}

run --requirements 2026-07-28
run --spec-version 2025-11-25 --suite all
run --suite all
