#!/usr/bin/env bash
# The gate in continuous integration: the working tree against where it left "$BASE".
# Leaves gate.md, gate.json and gate.xml in "$RUNNER_TEMP/gate", and ends as the gate does, except
# that 3, inconclusive or void, passes with a warning: nothing is known against the change.
set -euo pipefail

reports="$RUNNER_TEMP/gate"
mkdir -p "$reports"
# Stands where the gate writes none, so that no older comment is taken for the answer.
echo "**gate: error**: it did not come to its end, see the log" > "$reports/gate.md"

merge_base="$(git merge-base -- "$BASE" HEAD)"
code=0
tox run -e gate -- --base "$merge_base" --format github --output "$reports/gate.md" \
    --output "$reports/gate.xml" --output "$reports/gate.json" || code=$?
cat "$reports/gate.md" >> "$GITHUB_STEP_SUMMARY"

# tox ends with 1 too where it cannot make the environment, which is no regression.
if [ ! -f "$reports/gate.json" ]; then
    echo "::error title=gate::it did not come to its end; tox ended with $code"
    exit 2
fi
if [ "$code" -eq 3 ]; then
    echo "::warning title=gate::inconclusive or void, which fails nothing"
    exit 0
fi
exit "$code"
