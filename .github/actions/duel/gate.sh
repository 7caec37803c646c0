#!/usr/bin/env bash
# The gate as one step of a workflow: the working tree against where it left "$BASE".
#
# The reports are gate.md, gate.txt, gate.xml and gate.json in "$RUNNER_TEMP/duel". It ends with the
# gate's exit code, except that 3 (inconclusive or void) passes with a warning where INCONCLUSIVE is
# "pass". action.yml says what the other variables hold.
set -euo pipefail

reports="${RUNNER_TEMP:-}/duel"

summarise() {
    cat "$reports/gate.md" >> "${GITHUB_STEP_SUMMARY:-/dev/null}" || true
}
# 1 says regression, and only a gate that has come to its end may say so.
failed() {
    trap - EXIT
    echo "::error title=gate::it did not come to its end: $1"
    summarise
    exit 2
}
trap 'failed "see the log"' EXIT

: "${RUNNER_TEMP:?}"
mkdir -p "$reports"
rm -f "$reports"/gate.*
# Stands where the gate writes none, so that no older report is taken for the answer.
echo "**gate: error**: it did not come to its end, see the log" > "$reports/gate.md"

base="${BASE:-${GITHUB_BASE_REF:+origin/$GITHUB_BASE_REF}}"
base="${base:-HEAD~1}"
if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    failed "the clone is shallow: give actions/checkout \"fetch-depth: 0\""
fi
merge_base="$(git merge-base -- "$base" HEAD)" ||
    failed "the base, $base, is unknown, or has no commit in common with the change"

python="${PYTHON:-python}"
harness="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../pytest_duel" && pwd)"
# -P: nothing in the project's folder stands before the modules of pip and of the harness.
"$python" -P -m pip install --quiet --disable-pip-version-check "$harness" ||
    failed "pytest-duel cannot be installed"

arguments=(--base "$merge_base")
if [ -n "${BUDGET:-}" ]; then arguments+=(--budget "$BUDGET"); fi
if [ -n "${THRESHOLD:-}" ]; then arguments+=(--threshold "$THRESHOLD"); fi
while IFS= read -r line; do
    if [ -n "$line" ]; then arguments+=("$line"); fi
done <<< "${ARGUMENTS:-}"

code=0
"$python" -P -m pytest_duel gate "${arguments[@]}" --format github --output "$reports/gate.md" \
    --output "$reports/gate.txt" --output "$reports/gate.xml" --output "$reports/gate.json" ||
    code=$?
[ -f "$reports/gate.json" ] || failed "the gate ended with $code and left no report"
trap - EXIT
echo "exit-code=$code" >> "${GITHUB_OUTPUT:-/dev/null}"
# What is on the screen so far are annotations, of which the log shows the text only.
cat "$reports/gate.txt"
summarise
if [ "$code" -eq 3 ] && [ "${INCONCLUSIVE:-fail}" = pass ]; then
    echo "::warning title=gate::inconclusive or void, which fails nothing"
    exit 0
fi
exit "$code"
