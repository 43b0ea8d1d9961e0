#!/bin/bash
# Installs the agent of this checkout as a service that starts at boot; again: brings it up to date.
#   sudo systemd/install.sh
# Program in /opt/kiosk-agent, settings in /etc/kiosk-agent (never overwritten), user and group kiosk-agent.
set -euo pipefail
cd "$(dirname "$0")/.."
name=kiosk-agent
opt=/opt/$name
etc=/etc/$name

program=install
. scripts/steps.sh
[ "$(id -u)" = 0 ] || fail "this needs root: sudo systemd/install.sh"

scripts/setup.sh packages

groupadd --system --force gpio
getent passwd $name >/dev/null || useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin $name

say "installing the program into $opt"
python=$(find_python)
"$opt/bin/python" -c 'import pip' 2>/dev/null || "$python" -m venv --clear "$opt"
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp -r agent hw setup.cfg pyproject.toml README.md "$build"   # pip leaves its traces there, not in the checkout
pip_install "$opt/bin/python" "$build"
pip_install "$opt/bin/python" --no-deps --force-reinstall "$build"
install -m 644 README.md "$opt/README.md"
ln -sfn "$opt/bin/$name" /usr/local/bin/$name

install -d -m 755 "$etc"
install -m 644 config.toml "$etc/config.toml.example"
# The settings may hold keys and tokens: for root and the agent only.
[ -e "$etc/config.toml" ] || install -m 640 -g $name config.toml "$etc/config.toml"

install -m 644 systemd/60-kiosk-agent.rules /etc/udev/rules.d/
install -m 644 systemd/$name.service /etc/systemd/system/
systemctl enable --quiet $name.service
if [ -d /run/systemd/system ]; then
  udevadm control --reload && udevadm trigger --subsystem-match=gpio && udevadm settle --timeout=10 || say "pins keep their owner until the next boot"
  systemctl daemon-reload
  if ! "$opt/bin/$name" check "$etc/config.toml" || ! systemctl restart $name.service; then
    say "installed, but it does not run yet: see journalctl -u $name, edit $etc/config.toml, systemctl restart $name"
    exit 1
  fi
  say "running; see: systemctl status $name, journalctl -u $name, sudo $name status"
else
  say "installed; it starts with the next boot"
fi
