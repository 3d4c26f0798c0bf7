#!/usr/bin/env bash
# Run pytest in as many processes as WORKERS says, two if not. What failed runs once more, alone: a machine
# that is short of breath may starve a test of its deadline once, a defect fails both times. What passed only
# then is named, to be mended.
set -uo pipefail
pytest=${PYTEST:-python -m pytest}
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
run() { $pytest -o "cache_dir=$cache" "$@"; }

run -n "${WORKERS:-2}" --dist loadfile "$@"
status=$?
[ "$status" -eq 1 ] || exit "$status" # 1: tests failed; anything else is no test's failure

printf '\n=== what failed, once more and alone\n'
run -p no:xdist -rfEp --maxfail=1 --last-failed --last-failed-no-failures none "$@"
status=$?
[ "$status" -ne 0 ] || printf '\n=== UNSTEADY: the tests above failed once and passed alone\n'
exit "$status"
