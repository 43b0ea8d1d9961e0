#!/bin/bash
# Installs what is missing and nothing else: Debian packages, then this project in .venv. Never asks a question.
#   scripts/setup.sh run        what the program needs
#   scripts/setup.sh quick      the Python packages of the tests as well
#   scripts/setup.sh test       and browsers, sound cards and servers for them
#   scripts/setup.sh packages   only the Debian packages of the program
# With nothing to do it takes a fraction of a second. All it prints goes to stderr.
set -euo pipefail
exec 1>&2
kind=${1:-run}
cd "$(dirname "$0")/.."

program=setup
. scripts/steps.sh

wanted_packages() {
  making_packages
  runtime_packages
  [ "$kind" = test ] || return 0
  echo pulseaudio pulseaudio-utils coturn iproute2 curl jq openssl
  has chromium || has chromium-browser || has google-chrome || echo chromium
  has node || echo nodejs
  has npm || echo npm
}

missing_packages() {
  local installed package
  # shellcheck disable=SC2046
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  for package in "$@"; do grep -qxF "$package" <<<"$installed" || echo "$package"; done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  else sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

apt_install() { as_root apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; }

# Package lists are fetched only if what is there does not do.
apt_install_fresh() { apt_install "$@" || { as_root apt-get update -qq && apt_install "$@"; }; }

install_packages() {
  if ! has dpkg-query; then say "not a Debian system: install by hand what this needs: $*"; return; fi
  local missing
  missing=$(missing_packages "$@" | xargs)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    fail "these Debian packages are missing, and this user may not install them without being asked for a password." \
      "Run: sudo apt-get update; sudo apt-get install --no-install-recommends $missing"
  fi
  say "installing Debian packages: $missing"
  # shellcheck disable=SC2086
  attempt "installing them" apt_install_fresh $missing
}

# What the tests of SIP sites need; without it they are skipped.
sip_packages() {
  echo kamailio kamailio-websocket-modules kamailio-tls-modules kamailio-outbound-modules kamailio-sqlite-modules \
    rtpengine-daemon baresip-core sip-tester sqlite3 keepalived iptables
}

# What the tests of MQTT and figures need; without it they are skipped.
house_packages() { echo mosquitto prometheus; }

# What reads the QR code of a terminal; without it those tests are skipped.
code_packages() { echo zbar-tools; }

# Debian starts services as it installs them, and at each boot from then on: neither is wanted for a test.
policy=/usr/sbin/policy-rc.d
forbid_services() {
  if [ -e $policy ]; then return; fi
  trap 'as_root rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
}

# install_for_tests OF_WHAT PACKAGE...: what was here before is left as it is, its services, too.
install_for_tests() {
  local missing what=$1 service
  shift
  missing=$(missing_packages "$@" | xargs)
  [ -n "$missing" ] || return 0
  say "installing Debian packages for the tests of $what: $missing"
  # shellcheck disable=SC2086
  if (forbid_services && attempt "installing them" apt_install_fresh $missing); then
    for service in $missing; do
      case $service in kamailio | rtpengine-daemon | keepalived | mosquitto | prometheus)
        has systemctl && as_root systemctl disable --quiet "$service" || true ;;
      esac
    done
  else
    say "the tests of $what will be skipped"
  fi
}

# What the environment was made from; any change to it means: install again.
fingerprint() {
  { pwd; .venv/bin/python -VV; cat setup.cfg pyproject.toml agent/program.py agent/media/native/{core.c,build.py} requirements/*.txt; echo "$1"; } 2>/dev/null | sha256sum
}

is_ready() { [ -f ".venv/ready-$1" ] && [ "$(cat ".venv/ready-$1")" = "$(fingerprint "$1")" ]; }

# make_environment KIND: of requirements/KIND.txt.
make_environment() {
  local kind=$1
  if is_ready "$kind" || { [ "$kind" = run ] && is_ready test; }; then return; fi
  if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    local python
    python=$(find_python)
    rm -rf .venv
    "$python" -m venv .venv
  fi
  say "installing Python packages into .venv (some minutes the first time)"
  install_locked .venv/bin/python "$kind"
  pip_install .venv/bin/python --no-index --no-deps --no-build-isolation --editable .
  build_core .venv/bin/python
  fingerprint "$kind" > ".venv/ready-$kind"
}

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8   # so that `cause` can read what is said
case $kind in run | quick | test | packages) ;; *) fail "usage: scripts/setup.sh run|quick|test|packages" ;; esac
check_machine
# shellcheck disable=SC2046
install_packages $(wanted_packages)
# shellcheck disable=SC2046
if [ "$kind" = test ] && has dpkg-query && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
  install_for_tests "SIP sites" $(sip_packages)
  install_for_tests "MQTT and figures" $(house_packages)
  install_for_tests "the QR code" $(code_packages)
fi
case $kind in run) make_environment run ;; quick | test) make_environment test ;; esac
