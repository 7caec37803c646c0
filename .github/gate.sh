#!/usr/bin/env bash
# The gate in continuous integration: the working tree against where it left "$BASE".
# Leaves gate.md, gate.json and gate.xml in "$RUNNER_TEMP/gate", and ends as the gate does, except
# that 3, inconclusive or void, passes with a warning: nothing is known against the change.
set -euo pipefail

summarise() {
    cat "${RUNNER_TEMP:-}/gate/gate.md" >> "${GITHUB_STEP_SUMMARY:-/dev/null}" || true
}
# 1 says regression, and only a gate that has come to its end may say so.
failed() {
    trap - EXIT
    echo "::error title=gate::it did not come to its end: $1"
    summarise
    exit 2
}
trap 'failed "see the log"' EXIT

reports="$RUNNER_TEMP/gate"
mkdir -p "$reports"
rm -f "$reports"/gate.*
# Stands where the gate writes none, so that no older comment is taken for the answer.
echo "**gate: error**: it did not come to its end, see the log" > "$reports/gate.md"

merge_base="$(git merge-base -- "$BASE" HEAD)" ||
    failed "the base is unknown, or has no commit in common with the change"
code=0
tox run -e gate -- --base "$merge_base" --format github --output "$reports/gate.md" \
    --output "$reports/gate.xml" --output "$reports/gate.json" || code=$?

# tox ends with 1 too where it cannot make the environment, which is no regression.
[ -f "$reports/gate.json" ] || failed "tox ended with $code"
trap - EXIT
summarise
if [ "$code" -eq 3 ]; then
    echo "::warning title=gate::inconclusive or void, which fails nothing"
    exit 0
fi
exit "$code"
