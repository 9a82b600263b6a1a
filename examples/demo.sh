#!/bin/sh
# The main job, for real: the embedded model reads requests, chooses tools of two MCP servers and
# answers with what they said, or with what stands in a resource. Started by `make demo`.
set -eu
cd "$(dirname "$0")/.."

umcp models pull smollm2-135m

run() {
  printf '\n$ umcp run "%s"\n' "$*"
  umcp run "$@" --model local:smollm2-135m \
    --server "time=python -m mcp_server_time --local-timezone Etc/UTC" \
    --server "desk=python examples/desk_server.py" --allow 'time:*' </dev/null
}

run "Add 1234 and 4321"
run "What is the current time in Asia/Tokyo?"
# A prompt of a server, and a resource of it in the model's context.
run "/desk:total first=2500 second=1700"
run "When does the desk open on Saturday? @desk:desk://opening-hours" --agent reader
