#!/usr/bin/env bash
# The seconds of a fit of mean-regularized and mtrl as tasks, rows and features grow, as a table.
set -euo pipefail
cargo build --release -p torso-linear --example many_tasks
run=${CARGO_TARGET_DIR:-target}/release/examples/many_tasks
echo "| tasks | rows | features | mean-regularized | mtrl |"
echo "|---|---|---|---|---|"
for size in "125 200 100" "250 200 100" "500 200 100" "1000 200 100" "500 100 100" "500 400 100" \
    "500 200 25" "500 200 50" "500 200 200"; do
    read -r tasks rows features <<<"$size"
    seconds() { "$run" "$1" "$tasks" "$rows" "$features" | sed -n '1s/.*: \([0-9.]* s\).*/\1/p'; }
    echo "| $tasks | $rows | $features | $(seconds mean-regularized) | $(seconds mtrl) |"
done
