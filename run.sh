#!/bin/bash
# Sets up what is missing, then runs the whole thing on this machine: switchboard, agent and a virtual front panel.
#   ./run.sh [--once] [--listen HOST] ...   the options of `kiosk-agent demo`
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/scripts/setup.sh" run
exec "$here/.venv/bin/python" -m agent demo "$@"
