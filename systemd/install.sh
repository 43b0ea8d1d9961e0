#!/bin/bash
# Installs the agent of this checkout as a service that starts at boot; again: brings it up to date.
#   sudo systemd/install.sh [--watchdog] [--without-demo] [--switchboard]
# --watchdog       the board starts anew when its system hangs
# --without-demo   updates without the call that tries the new version, which a very slow board may fail
# --switchboard    runs the site's switchboard here, too, as a service of its own
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
. systemd/making.sh
. systemd/placing.sh
export PIP_NO_CACHE_DIR=1

build() {
  say "making $release"
  clean_up   # what a cut left
  mkdir -p "$opt/releases"
  make_release "$python" "$new" "$workshop"
}

try_release() {
  check_release "$release"
  is_up && [ $demo = yes ] || return 0
  say "trying it in a call of its own"
  install -d -o $name -g $name "$workshop/demo"
  attempt "the demonstration of $release (nothing was changed; --without-demo leaves it out)" runuser -u $name -- \
    env -C "$workshop/demo" HOME="$workshop/demo" nice "$new/bin/$name" demo --once --state-dir "$workshop/demo/state"
}

place_units() {
  local unit folder=/etc/systemd/system
  put 644 systemd/60-kiosk-agent.rules /etc/udev/rules.d/60-$name.rules
  put 644 systemd/$name-trial.service $folder/$name-trial.service
  for unit in "${units[@]}"; do link "$opt/current/$unit" "$folder/${unit#systemd/}"; done
  place_tools
  start_at_boot $folder
  link "$opt/current/bin/$name" /usr/local/bin/$name
  let_systemd_look
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
    ! is_wanted || { end_between_words; manager restart --no-block $name; }
    follow
  else change_to "$release" || fail "$release did not get ready; $(named current) runs on. See journalctl -u $name -u $name-trial"
  fi
  has_systemd || { say "installed; it starts with the next boot"; return; }
  is_wanted || { say "installed; it does not start by itself: systemctl enable --now $name"; return; }
  # Waits for the start that is under way.
  if ! systemctl start $name; then
    fail "installed, but it does not run yet: see journalctl -u $name, edit $etc/config.toml, systemctl restart $name"
  fi
  say "$release is running; see: systemctl status $name, journalctl -u $name, sudo $name status"
}

start_switchboard() {
  link /etc/systemd/system/$name-switchboard.service $wants/$name-switchboard.service
  manager daemon-reload
  manager start $name-switchboard || fail "the switchboard does not run: see journalctl -u $name-switchboard, edit $etc/switchboard.toml"
}

[ "$(id -u)" = 0 ] || fail "this needs root: sudo systemd/install.sh"
watchdog=no demo=yes switchboard=no
for option in "$@"; do
  case $option in
    --watchdog) watchdog=yes ;;
    --without-demo) demo=no ;;
    --switchboard) switchboard=yes ;;
    *) fail "usage: sudo systemd/install.sh [--watchdog] [--without-demo] [--switchboard]" ;;
  esac
done
[ ! -e "$root$packaged" ] || fail "this box has the Debian package: update it by apt, or remove that first (apt-get remove $name)"
lock_or_end
scripts/setup.sh packages
make_accounts
place_settings
python=$(find_python)
release=$(release_name "$python")
new=$opt/releases/$release
workshop=$(mktemp -d)
chmod 755 "$workshop"
trap 'rm -rf "$workshop"' EXIT
adopt
is_complete "$release" || build
try_release
is_complete "$release" || seal "$release"
place_units
place_watchdog
start_release
[ $switchboard = no ] || start_switchboard
