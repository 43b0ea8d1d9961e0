#!/bin/bash
# Sets up what is missing, then checks everything: style, types, tests.   ./test.sh [options of pytest]
set -euo pipefail
cd "$(dirname "$0")"
scripts/setup.sh test

js=tests/e2e/js
if [ -f $js/package.json ] && ! cmp -s $js/package-lock.json $js/node_modules/ready; then
  npm --prefix $js ci --no-audit --no-fund --loglevel=error || npm --prefix $js ci --no-audit --no-fund --loglevel=error
  cp $js/package-lock.json $js/node_modules/ready
fi

.venv/bin/python -m ruff check .
.venv/bin/python -m mypy --strict agent hw
.venv/bin/python -m mypy --strict --explicit-package-bases examples
exec .venv/bin/python -m pytest "$@"
