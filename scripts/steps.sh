# What setting up and installing share; to be sourced. Callers name themselves in $program, and end through `fail`.

say() { echo "$program: $*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# The userland counts: a 64-bit kernel may run a 32-bit system.
architecture() { dpkg --print-architecture 2>/dev/null || uname -m; }

check_machine() {
  local arch
  arch=$(architecture)
  case $arch in
    amd64 | arm64 | x86_64 | aarch64) ;;
    arm*) fail "this system is 32-bit ARM ($arch), which is not supported: gevent, numpy, gpiod and others have no" \
      "ready-made packages for it. Put the 64-bit Raspberry Pi OS on it: a Pi 3, a Zero 2 W and newer boards run that" ;;
    *) fail "this system is $arch, which is not supported: only 64-bit x86 (amd64) and 64-bit ARM (arm64) are" ;;
  esac
}

# What of Debian the program runs with, and what making it out of a checkout takes as well.
runtime_packages() { echo libportaudio2 libasound2-plugins libopus0 libspeexdsp1 espeak-ng; }
making_packages() { echo python3-venv python3-dev gcc libc6-dev portaudio19-dev; }

find_python() {
  local python
  for python in "${PYTHON:-python3}" python3.13 python3.12 python3.11 /usr/bin/python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"; return
    fi
  done
  fail "no Python 3.11 or newer with its venv module was found"
}

refused='CERTIFICATE_VERIFY_FAILED|certificate verify failed|is not valid yet'

# The first cause that the file's last lines name; each is something else to do.
cause() {
  local text found
  text=$(tail -n 60 "$1")
  names() { grep -qE "$1" <<<"$text"; }
  if names 'No space left on device|enough free space'; then
    echo "the disk is full; make room"
  elif grep -qE "$refused" <<<"$text"; then
    echo "a server's certificate or signature was refused; is the clock right (it says $(date -R))," \
      "and does no proxy stand between whose certificate pip has to be told (PIP_CERT)?"
  elif names 'DO NOT MATCH THE HASHES'; then
    echo "a package is not the one that this version was made with (requirements/*.txt). Nothing of it was installed;" \
      "try again on another network, and report it if it stays so"
  elif is_network_failure "$1"; then
    echo "a server could not be reached; is this machine online?"
  elif names 'Could not get lock|Unable to (acquire|lock)'; then
    echo "another program is installing packages; try again when it is done"
  elif names 'Unable to locate package|has no installation candidate|[Nn]o package matches'; then
    echo "this system's package sources do not have all of them; is it Debian 12 or newer, or Raspberry Pi OS?"
  elif names 'Failed to build|Failed building|did not run successfully|build-failed|metadata-generation-failed'; then
    found=$(sed -nE "s/.*(Failed building (wheel|editable) for|Failed to build) '?([A-Za-z0-9._-]+).*/\3/p" <<<"$text" | head -n 1)
    echo "${found:-a package} had to be built here, and that failed. This is no fault of the network"
  elif names 'No matching distribution found|Could not find a version|requires a different Python|not a supported wheel'; then
    found=$(sed -nE 's/.*No matching distribution found for ([^ ]+).*/\1/p' <<<"$text" | head -n 1)
    echo "no release of ${found:-a package} fits this Python and this processor ($(architecture))"
  else
    echo "what it said stands above"
  fi
}

unreachable='temporary failure|could not resolve|name or service not known|network is unreachable|no route to host'
unreachable+='|connection (refused|timed out|reset|failed|aborted)|NewConnectionError|ConnectTimeout|ReadTimeout|timed out'
unreachable+='|max retries exceeded|ProxyError|unable to connect|could not connect'

is_network_failure() { ! grep -qE "$refused" "$1" && tail -n 60 "$1" | grep -qiE "$unreachable"; }

# The network may fail once; a second failure, or any other, is final.
again() {
  is_network_failure "$1" || return 1
  say "the network failed; trying once more in 3 s"
  sleep 3
  logged "$@"
}

# logged LOG COMMAND...: all it says goes to LOG, and to $narrator if there is one. A service that apt starts would keep
# a pipe open for ever, so apt has none.
logged() {
  local log=$1
  shift
  if [ -n "${narrator:-}" ]; then "$@" 2>&1 | tee "$log" | "$narrator"
  else "$@" >"$log" 2>&1; fi
}

# What pip is at, one package a line; at a terminal each takes the place of the one before.
narrate_pip() {
  local line start='' end=$'\n'
  if [ -t 2 ]; then start=$'\r\e[K' end=''; fi
  while IFS= read -r line; do
    case $line in
      "Collecting "*) line=${line%% (*} line="collecting ${line#Collecting }" ;;
      "Processing "*) line=${line%% (*} line="collecting ${line##*/}" ;;
      *"Building wheel for "*started*) line="building ${line##*wheel for }" line=${line%% (*} ;;
      "Installing collected packages"*) line="installing them" ;;
      *) continue ;;
    esac
    printf '%s%s:   %s%s' "$start" "$program" "$line" "$end" >&2
  done
  printf '%s' "$start" >&2
}

# attempt WHAT COMMAND...: quiet if all goes well; else the end of what was said, and why WHAT failed.
attempt() {
  local what=$1 log
  shift
  log=$(mktemp)
  if logged "$log" "$@" || again "$log" "$@"; then rm -f "$log"; return; fi
  tail -n 20 "$log" >&2
  what="$what failed: $(cause "$log")"
  rm -f "$log"
  fail "$what"
}

# pip_install PYTHON ARGUMENTS... into the environment of PYTHON.
pip_install() {
  local python=$1
  shift
  local narrator=narrate_pip
  attempt "installing Python packages for $("$python" -V)" \
    "$python" -m pip install --progress-bar off --disable-pip-version-check --no-input "$@"
}

# Packets take a shorter way through a small piece of C, built where that can be done; calls work without it.
build_core() {
  local log
  log=$(mktemp)
  "$1" -I -m agent.media.native.build >"$log" 2>&1 ||
    say "the native core was not built, so a call costs more CPU: $(tail -n 1 "$log")"
  rm -f "$log"
}

# install_locked PYTHON KIND: what requirements/KIND.txt names, each file only if its hash stands there. Some packages
# are built here; what builds them comes first, because pip would otherwise fetch that unchecked.
install_locked() {
  pip_install "$1" --require-hashes -r requirements/build.txt
  pip_install "$1" --require-hashes --no-build-isolation -r "requirements/$2.txt"
}
