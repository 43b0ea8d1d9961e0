#!/bin/bash
# Changes between installed versions so that a cut at any moment leaves the old one or the new one.
#   releases.sh judge                 gives the version on trial its time, else goes back (kiosk-agent-trial.service)
#   releases.sh rollback              back to the version before this one
#   releases.sh uninstall [--purge]   removes everything but the settings; --purge: those too, and a switchboard's keys
# It stands beside the versions and needs none of them. Four links beside it name versions: `current` is the one that runs,
# `previous` the one before it, `trial` the one that has to prove itself, `refused` the last that could not. A link is
# changed by one rename. The file `registered` is there if the version before the trial was registered.
set -euo pipefail
name=kiosk-agent
[ "${BASH_SOURCE[0]}" != "$0" ] || opt=$(dirname "$(realpath "$0")")   # install.sh sets it and takes in this file
root=${opt%"/opt/$name"}
packaged=/usr/lib/$name/release   # what the Debian package has in it; where it is, dpkg removes the program
trial_s=60    # a version on trial is given so long
steady_s=10   # and must have been up in one process for so long, and registered if the one before was

tell() { echo "$name: $*" >&2; }

named() { [ ! -L "$opt/$1" ] || basename "$(readlink "$opt/$1")"; }
is_complete() { [ -n "$1" ] && [ -e "$opt/releases/$1/complete" ]; }

point() {
  ln -sfn "releases/$2" "$opt/.$1.new"
  mv -T "$opt/.$1.new" "$opt/$1"
  sync "$opt"
}

drop() {
  rm -f "$opt/$1"
  sync "$opt"
}

has_systemd() { [ -d "$root/run/systemd/system" ]; }
is_wanted() { [ -L "$root/etc/systemd/system/multi-user.target.wants/$name.service" ]; }
manager() { ! has_systemd || systemctl "$@"; }
is_up() { has_systemd && systemctl is-active --quiet $name; }

# What systemd before 254 would complain of at each start.
place_restart_steps() {
  local folder=$root/etc/systemd/system/$name.service.d version
  version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  if [ "${version:-0}" -ge 254 ]; then
    install -D -m 644 "$1" "$folder/.restart-steps.new"
    mv -T "$folder/.restart-steps.new" "$folder/60-restart-steps.conf"
  else
    drop_restart_steps
  fi
}

drop_restart_steps() {
  rm -f "$root/etc/systemd/system/$name.service.d/60-restart-steps.conf"
  rmdir --ignore-fail-on-non-empty "$root/etc/systemd/system/$name.service.d" 2>/dev/null || true   # others may be his
}

start() {
  manager daemon-reload
  manager start --no-block $name
  follow
}

# A switchboard on this machine runs the version that the box runs; the calls through it end.
follow() { manager try-restart --no-block $name-switchboard || tell "the switchboard was not started anew"; }

# The agent's own words, before what troubles it: "in call, ready; ...".
is_registered() { has_systemd && systemctl show -p StatusText --value $name | grep -q '^[^;]*\<ready\>'; }
is_out_of_order() { has_systemd && systemctl show -p StatusText --value $name | grep -q '^out of order\>'; }
is_as_good() { ! is_out_of_order && { [ ! -e "$opt/registered" ] || is_registered; }; }

# As a crash does: whoever ends in order hangs up, and the next version could not come back to the call that is on.
end_between_words() { manager kill --kill-whom=main --signal=KILL $name || true; }

run_instead() {
  end_between_words
  manager stop $name
  point current "$1"
}

is_ready_in_time() {
  local process last='' since=0 until=$((SECONDS + trial_s))
  while true; do
    process=$(is_up && systemctl show -p MainPID --value $name) || process=''
    [ "$process" = "$last" ] || since=$SECONDS
    [ -z "$process" ] || [ $((SECONDS - since)) -lt $steady_s ] || ! is_as_good || return 0
    [ $SECONDS -lt $until ] || return 1
    last=$process
    sleep 1
  done
}

# Whatever was cut before: the links say where to go on. Ends with 0 when it is decided, either way.
judge() {
  local trial
  trial=$(named trial)
  [ -n "$trial" ] || return 0
  if [ "$(named refused)" != "$trial" ]; then
    begin_trial "$trial"
    if is_ready_in_time; then
      drop trial
      tell "$trial is ready, and stays"
      clean_up
      return
    fi
    point refused "$trial"   # from here on it goes back, also after a cut
  fi
  go_back "$trial"
  drop trial
}

begin_trial() {
  if [ "$(named current)" != "$1" ]; then
    point previous "$(named current)"
    run_instead "$1"
  fi
  start
}

go_back() {
  tell "$1 was not ready within $trial_s s; back to $(named previous). Why: journalctl -u $name"
  [ "$(named current)" != "$1" ] || run_instead "$(named previous)"
  start
}

is_named() { [ "$1" = "$(named current)" ] || [ "$1" = "$(named previous)" ] || [ "$1" = "$(named trial)" ]; }

clean_up() {
  local release
  for release in "$opt"/releases/*; do
    is_named "${release##*/}" || rm -rf "$release"
  done
  # What an installation in the old way, in this folder itself, left.
  [ -e "$opt/releases/before" ] || rm -rf "${opt:?}"/{bin,include,lib,lib64,share,pyvenv.cfg,README.md}
}

# For those who change versions; the trial belongs to one of them.
lock_or_end() {
  mkdir -p "$root/run/lock"
  exec 9>"$root/run/lock/$name.lock"
  flock --nonblock 9 || { tell "another installation or change of versions is under way; try again when it is done"; exit 1; }
}

# Lets another version run: on trial, if the one that runs now works; else at once, since there is nothing to lose.
change_to() {
  local before
  before=$(named current)
  drop refused
  drop trial
  if is_up && is_complete "$before"; then
    rm -f "$opt/registered"
    ! is_registered || touch "$opt/registered"
    point trial "$1"
    systemctl start $name-trial || tell "the trial was disturbed, and goes on by itself"
    while [ -L "$opt/trial" ]; do sleep 1; done
  else
    [ -z "$before" ] || [ "$before" = "$1" ] || point previous "$before"
    point current "$1"
    clean_up
    # A machine that is only a switchboard has the agent disabled.
    if is_wanted; then start; else manager daemon-reload && follow; fi
  fi
  [ "$(named current)" = "$1" ]
}

rollback() {
  local previous
  previous=$(named previous)
  if ! is_complete "$previous" || [ "$previous" = "$(named current)" ]; then
    tell "there is no version before $(named current) here"
    return 1
  fi
  change_to "$previous" && tell "$previous runs"
}

# Whether systemd/install.sh put this here; what tells it goes last, so that a cut is noticed.
is_from_checkout() { case $(readlink "$root/usr/local/bin/$name") in "$opt"/current/*) ;; *) return 1 ;; esac; }

# What systemd/install.sh puts outside of its folders, and a Debian package has elsewhere.
drop_installed() {
  local file units=$root/etc/systemd/system/$name
  rm -f "$units-trial.service" "$root/etc/udev/rules.d/60-$name.rules"
  for file in "$units"{,-door@,-switchboard}.service "$units-door.socket" "$root/usr/local/bin/$name"; do
    case $(readlink "$file") in "$opt"/current/*) rm -f "$file" ;; esac
  done
}

# What `systemctl enable` made of units that are links: it names the version of that day, which an update removes.
drop_followed() {
  local file
  for file in "$root/etc/systemd/system/$name"*.{service,socket}; do
    case $(readlink "$file") in "$opt"/releases/*) rm -f "$file" ;; esac
  done
}

uninstall() {
  local etc=$root/etc unit
  # One by one: a version of before may lack one, and the others must end all the same.
  for unit in $name $name-trial $name-door.socket $name-switchboard; do
    manager disable --quiet --now $unit || tell "$unit was not running"
  done
  rm -f "$etc/systemd/system/multi-user.target.wants/$name"{,-trial,-switchboard}.service
  rm -f "$etc/systemd/system.conf.d/60-$name.conf"
  drop_installed
  drop_followed
  drop_restart_steps
  manager daemon-reload
  rm -rf "$root/var/lib/$name" "$root/run/$name"
  if [ "${1:-}" = --purge ]; then rm -rf "${etc:?}/$name" "$root/var/lib/"{,private/}$name-switchboard; elif [ -d "$etc/$name" ]; then chgrp -R root "$etc/$name"; fi
  ! getent passwd $name >/dev/null || userdel $name
  [ ! -e "$opt/made-gpio" ] || groupdel gpio || true
  rm -rf "${opt:?}"
  tell "removed$([ "${1:-}" = --purge ] || echo ", but for the settings in /etc/$name")"
}

main() {
  case "$*" in
    judge | rollback | uninstall | "uninstall --purge") ;;
    *) tell "usage: releases.sh judge|rollback|uninstall [--purge]"; exit 2 ;;
  esac
  # In a checkout it would take that for the installation.
  if [ "$root/opt/$name" != "$opt" ]; then tell "this is for /opt/$name/releases.sh"; exit 2; fi
  if [ "$(id -u)" != 0 ]; then tell "this needs root: sudo $name $*"; exit 1; fi
  if [ "$1" = uninstall ] && [ -e "$root$packaged" ]; then
    tell "this is a Debian package: apt-get remove $name, or apt-get purge $name"
    exit 1
  fi
  [ "$1" = judge ] || lock_or_end
  "$@"
  exit   # bash reads on in a file that may be gone
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
