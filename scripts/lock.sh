#!/bin/bash
# Writes down which packages belong to this version, with the hash of each of their files: requirements/*.txt.
#   scripts/lock.sh [--upgrade]      after a change of setup.cfg or pyproject.toml; --upgrade: to the newest that fit
# For every Python from 3.11 on and both processors. Needs uv (pip install uv). tests/install/test_lock.py tells when it is due.
set -euo pipefail
cd "$(dirname "$0")/.."

lock() {
  local name=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --output-file "requirements/$name.txt" "$@" >/dev/null
}

mkdir -p requirements
sed -n 's/^requires = \["\(.*\)"\]$/\1/p' pyproject.toml | lock build - "$@"   # one requirement: what builds the rest
lock run setup.cfg --constraints requirements/build.txt "$@"
lock house setup.cfg --extra mqtt --extra metrics --constraints requirements/run.txt "$@"   # what is installed on a box
lock test setup.cfg --extra test --constraints requirements/house.txt "$@"
