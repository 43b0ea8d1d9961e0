# Puts what belongs to an installation where it belongs: accounts, settings, what is started at boot. To be sourced by
# `systemd/install.sh` in a checkout and by the Debian package in /usr/lib/kiosk-agent, which has the same files; after
# scripts/steps.sh and systemd/releases.sh, with $opt and $etc. All of it can be done again, also after a cut.

wants=/etc/systemd/system/multi-user.target.wants

make_accounts() {
  mkdir -p "$opt"
  getent group gpio >/dev/null || { groupadd --system gpio; touch "$opt/made-gpio"; }
  getent passwd $name >/dev/null && return
  useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin $name
  [ ! -d "$etc" ] || chgrp -R $name "$etc"   # kept by an earlier removal
}

put() { install -D -m "$1" "$2" "$3.new" && sync "$3.new" && mv -T "$3.new" "$3"; }
link() { ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; }

place_example() {
  install -d -m 755 "$etc"
  [ -d "$etc/config.d" ] || install -d -m 2755 -g $name "$etc/config.d"   # the agent may read what is put there
  put 644 config.toml "$etc/config.toml.example"
}

# The settings may hold keys and tokens: for root and the agent only. Those of a switchboard hold none.
place_settings() {
  place_example
  [ -e "$etc/config.toml" ] || install -m 640 -g $name config.toml "$etc/config.toml"
  [ -e "$etc/switchboard.toml" ] || install -m 644 systemd/switchboard.toml "$etc/switchboard.toml"
}

# An installation in the old way, in $opt itself, becomes the version `before`.
adopt() {
  if [ -L "$opt/current" ] || [ ! -e "$opt/pyvenv.cfg" ]; then return; fi
  install -D -m 644 "/etc/systemd/system/$name.service" "$opt/releases/before/systemd/$name.service"
  ln -sfn ../../bin "$opt/releases/before/bin"
  touch "$opt/releases/before/complete"
  point current before
}

import_all='
import importlib, pkgutil, agent, hw
for top in (agent, hw):
    for module in pkgutil.walk_packages(top.__path__, top.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
'

check_release() {
  local new=$opt/releases/$1
  attempt "importing $1" "$new/bin/python" -I -c "$import_all"
  # Where nothing runs, nothing is at stake.
  "$new/bin/$name" check "$etc/config.toml" || ! is_up ||
    fail "$1 does not take the settings that are in use; nothing was changed. Mend them first"
}

# From here on it is whole, also after a power cut.
seal() {
  sync -f "$opt/releases/$1"
  touch "$opt/releases/$1/complete"
  sync -f "$opt/releases/$1"
}

place_tools() {
  put 755 systemd/releases.sh "$opt/releases.sh"
  place_restart_steps systemd/restart-steps.conf
}

# start_at_boot FOLDER: the units of FOLDER. Whoever disables the agent is not overruled by an update.
start_at_boot() {
  mkdir -p $wants
  if [ -z "$(named current)" ] || is_wanted; then link "$1/$name.service" $wants/$name.service; fi
  [ ! -L $wants/$name-switchboard.service ] || link "$1/$name-switchboard.service" $wants/$name-switchboard.service
  link "$1/$name-trial.service" $wants/$name-trial.service
}

let_systemd_look() {
  has_systemd || return 0
  udevadm control --reload && udevadm trigger --subsystem-match=gpio && udevadm settle --timeout=10 || say "pins keep their owner until the next boot"
  systemctl daemon-reload
}
