# Makes a version of the program: a folder with everything that it runs with. To be sourced, in a checkout, with
# scripts/steps.sh; `systemd/install.sh` makes it where it will run, `packaging/build.sh` for another machine.

name=kiosk-agent
units=(systemd/$name{.service,-door.socket,-door@.service,-switchboard.service})   # these change together with a version

program_version() { sed -n 's/^VERSION = "\([^"]*\)".*/\1/p' agent/program.py; }

# release_name PYTHON: the version, and a sign of all that it is made of: the same again needs no folder of its own.
release_name() {
  local parts=(agent hw requirements scripts systemd setup.cfg pyproject.toml README.md)
  echo "$(program_version)-$({ "$1" -VV; find "${parts[@]}" -type f ! -name '*.pyc' ! -name '_core.*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-8)"
}

# make_release PYTHON FOLDER WORKSHOP: pip leaves its traces in the workshop, not in the checkout.
make_release() {
  local python=$1 folder=$2 workshop=$3
  "$python" -m venv "$folder"
  mkdir -p "$workshop/source"
  cp -r agent hw setup.cfg pyproject.toml README.md "$workshop/source"
  install_locked "$folder/bin/python" house
  pip_install "$folder/bin/python" --no-index --no-deps --no-build-isolation "$workshop/source"
  build_core "$folder/bin/python"
  install -m 644 README.md "$folder/README.md"
  install -d "$folder/systemd"
  install -m 644 "${units[@]}" "$folder/systemd"
}
