#!/bin/bash
# Installs the agent of this checkout as a service that starts at boot; again: brings it up to date.
#   sudo systemd/install.sh [--watchdog] [--without-demo]
# --watchdog       the board starts anew when its system hangs
# --without-demo   updates without the call that tries the new version, which a very slow board may fail
# Each version has a folder in /opt/kiosk-agent/releases; settings are in /etc/kiosk-agent (never overwritten); user and
# group kiosk-agent. Back: `kiosk-agent rollback`; away: `kiosk-agent uninstall`. See docs/operations.md.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
opt=/opt/kiosk-agent
etc=/etc/kiosk-agent
program=install
. scripts/steps.sh
. systemd/releases.sh
export PIP_NO_CACHE_DIR=1
units=(systemd/$name{.service,-door.socket,-door@.service})   # these belong to a version, and change together with it

make_accounts() {
  mkdir -p "$opt"
  getent group gpio >/dev/null || { groupadd --system gpio; touch "$opt/made-gpio"; }
  getent passwd $name >/dev/null && return
  useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin $name
  [ ! -d "$etc" ] || chgrp -R $name "$etc"   # kept by an earlier `uninstall`
}

# The version, and a sign of all that it is made of: the same again needs no folder of its own.
release_name() {
  local parts=(agent hw requirements scripts systemd setup.cfg pyproject.toml README.md)
  local version
  version=$(sed -n 's/^VERSION = "\([^"]*\)".*/\1/p' agent/program.py)
  echo "$version-$({ "$python" -VV; find "${parts[@]}" -type f ! -name '*.pyc' ! -name '_core.*' -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum; } | sha256sum | cut -c1-8)"
}

build() {
  say "making $release"
  clean_up   # what a cut left
  mkdir -p "$opt/releases"
  "$python" -m venv "$new"
  cp -r agent hw setup.cfg pyproject.toml README.md "$workshop"   # pip leaves its traces there, not in the checkout
  install_locked "$new/bin/python" house
  pip_install "$new/bin/python" --no-index --no-deps --no-build-isolation "$workshop"
  build_core "$new/bin/python"
  install -m 644 README.md "$new/README.md"
  install -d "$new/systemd"
  install -m 644 "${units[@]}" "$new/systemd"
}

import_all='
import importlib, pkgutil, agent, hw
for top in (agent, hw):
    for module in pkgutil.walk_packages(top.__path__, top.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
'

check_release() {
  attempt "importing $release" "$new/bin/python" -I -c "$import_all"
  # Where nothing runs, nothing is at stake.
  "$new/bin/$name" check "$etc/config.toml" || ! is_up ||
    fail "$release does not take the settings that are in use; nothing was changed. Mend them first"
  is_up && [ $demo = yes ] || return 0
  say "trying it in a call of its own"
  install -d -o $name -g $name "$workshop/demo"
  attempt "the demonstration of $release (nothing was changed; --without-demo leaves it out)" runuser -u $name -- \
    env -C "$workshop/demo" HOME="$workshop/demo" nice "$new/bin/$name" demo --once --state-dir "$workshop/demo/state"
}

# From here on it is whole, also after a power cut.
seal() {
  sync -f "$new"
  touch "$new/complete"
  sync -f "$new"
}

# An installation in the old way, in $opt itself, becomes the version `before`.
adopt() {
  if [ -L "$opt/current" ] || [ ! -e "$opt/pyvenv.cfg" ]; then return; fi
  install -D -m 644 "/etc/systemd/system/$name.service" "$opt/releases/before/systemd/$name.service"
  ln -sfn ../../bin "$opt/releases/before/bin"
  touch "$opt/releases/before/complete"
  point current before
}

put() { install -D -m "$1" "$2" "$3.new" && sync "$3.new" && mv -T "$3.new" "$3"; }
link() { ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; }

place_settings() {
  install -d -m 755 "$etc"
  put 644 config.toml "$etc/config.toml.example"
  # The settings may hold keys and tokens: for root and the agent only.
  [ -e "$etc/config.toml" ] || install -m 640 -g $name config.toml "$etc/config.toml"
}

place_units() {
  local unit folder=/etc/systemd/system
  put 755 systemd/releases.sh "$opt/releases.sh"
  put 644 systemd/60-kiosk-agent.rules /etc/udev/rules.d/60-$name.rules
  put 644 systemd/$name-trial.service $folder/$name-trial.service
  for unit in "${units[@]}"; do link "$opt/current/$unit" "$folder/${unit#systemd/}"; done
  mkdir -p $folder/multi-user.target.wants
  for unit in $name $name-trial; do link ../$unit.service $folder/multi-user.target.wants/$unit.service; done
  place_restart_steps systemd/restart-steps.conf
  link "$opt/current/bin/$name" /usr/local/bin/$name
  has_systemd || return 0
  udevadm control --reload && udevadm trigger --subsystem-match=gpio && udevadm settle --timeout=10 || say "pins keep their owner until the next boot"
  systemctl daemon-reload
}

# The shortest time that every board's watchdog can count: a Pi's ends at 15 s.
place_watchdog() {
  local file=/etc/systemd/system.conf.d/60-$name.conf
  if [ $watchdog = yes ]; then
    printf '[Manager]\nRuntimeWatchdogSec=14s\n' > "$workshop/watchdog"
    put 644 "$workshop/watchdog" $file
    manager daemon-reexec
  elif [ -c /dev/watchdog ] && [ ! -e $file ]; then
    say "this board has a watchdog; 'systemd/install.sh --watchdog' lets it start the board anew when the system hangs"
  fi
}

start_release() {
  if [ "$(named current)" = "$release" ]; then
    end_between_words
    manager restart --no-block $name
  else change_to "$release" || fail "$release did not get ready; $(named current) runs on. See journalctl -u $name -u $name-trial"
  fi
  has_systemd || { say "installed; it starts with the next boot"; return; }
  # Waits for the start that is under way.
  if ! systemctl start $name; then
    fail "installed, but it does not run yet: see journalctl -u $name, edit $etc/config.toml, systemctl restart $name"
  fi
  say "$release is running; see: systemctl status $name, journalctl -u $name, sudo $name status"
}

[ "$(id -u)" = 0 ] || fail "this needs root: sudo systemd/install.sh"
watchdog=no demo=yes
for option in "$@"; do
  case $option in
    --watchdog) watchdog=yes ;;
    --without-demo) demo=no ;;
    *) fail "usage: sudo systemd/install.sh [--watchdog] [--without-demo]" ;;
  esac
done
lock_or_end
scripts/setup.sh packages
make_accounts
place_settings
python=$(find_python)
release=$(release_name)
new=$opt/releases/$release
workshop=$(mktemp -d)
chmod 755 "$workshop"
trap 'rm -rf "$workshop"' EXIT
adopt
is_complete "$release" || build
check_release
is_complete "$release" || seal
place_units
place_watchdog
start_release
