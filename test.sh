#!/bin/bash
# Sets up what is missing, then checks everything: style, types, tests.
#   ./test.sh                       all of it
#   ./test.sh quick                 style, types, and the tests that need no socket, card or browser
#   ./test.sh [options of pytest]   style, types, and what the options choose
set -euo pipefail
cd "$(dirname "$0")"
if [ "${1:-}" = quick ]; then scripts/setup.sh quick; else scripts/setup.sh test; fi

js=tests/e2e/js
if [ "${1:-}" != quick ] && ! cmp -s $js/package-lock.json $js/node_modules/ready; then
  npm --prefix $js ci --no-audit --no-fund --loglevel=error || npm --prefix $js ci --no-audit --no-fund --loglevel=error
  cp $js/package-lock.json $js/node_modules/ready
fi

.venv/bin/python -m ruff check .
.venv/bin/python -m mypy --strict agent hw
.venv/bin/python -m mypy --strict --explicit-package-bases examples
case ${1:-} in
  quick) set -- -n 2 tests/config tests/hw/panel tests/media/jitter tests/media/rtp tests/media/sdp tests/quality \
    tests/signaling/pstream tests/supervision tests/test_rooms.py ;;
  # Most tests wait for each other's sockets and clocks, so more of them than there are processors run at once.
  "") set -- -n 4 --dist loadgroup ;;
esac
exec .venv/bin/python -m pytest "$@"
