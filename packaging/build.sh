#!/bin/bash
# Makes the Debian package of this checkout, for the Debian and the processor of this machine.
#   packaging/build.sh [FOLDER]      puts kiosk-agent_VERSION_ARCHITECTURE.deb into FOLDER (default: build), and says where
# Here a compiler and a package index are needed (scripts/setup.sh packages); a box needs neither. DEBFULLNAME and DEBEMAIL
# say who made it. See docs/fleet.md.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
program=package
opt=/opt/kiosk-agent
. scripts/steps.sh
. systemd/making.sh
python=/usr/bin/python3   # the one that boxes of this Debian have
unset PIP_TARGET PIP_PREFIX PYTHONPATH PYTHONHOME
export PIP_COMPILE=no SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export DPKG_DEB_COMPRESSOR_TYPE=${DPKG_DEB_COMPRESSOR_TYPE:-zstd} DPKG_DEB_COMPRESSOR_LEVEL=${DPKG_DEB_COMPRESSOR_LEVEL:-9}
export CFLAGS="${CFLAGS:-} -g0"   # what is built here would name the folders of this machine

debian_release() { . /etc/os-release && echo "$VERSION_ID"; }

# A later Debian has a later package of the same version, so that an upgrade of Debian takes it.
package_version() { echo "$(program_version)+deb$(debian_release)"; }

# The environment as it will be where it runs; what is compiled counts without a look at the dates of files.
settle() {
  local made=$stage/usr/lib/$name/releases/$release
  local runs=$opt/releases/$release site script
  site=$(echo "$made"/lib/python3.*/site-packages)
  for script in "$made"/bin/*; do
    case ${script##*/} in python* | "$name") ;; *) rm "$script" ;; esac
  done
  rm -rf "$made/include" "$site"/pip "$site"/pip-*.dist-info "$site"/kiosk_agent-*.dist-info/direct_url.json
  sed -i "s|$made|$runs|g" "$made/pyvenv.cfg" "$made/bin/$name"
  find "$made" -name __pycache__ -prune -exec rm -r {} +
  "$python" -m compileall -qq -j 0 --invalidation-mode unchecked-hash -s "$made" -p "$runs" "$made/lib" ||
    say "some files were not compiled, which costs the start a little time"
}

# What the maintainer scripts need stands in /usr/lib/kiosk-agent as it stands in a checkout.
place_files() {
  local lib=$stage/usr/lib/$name folder=$stage/usr/lib/systemd/system unit
  install -D -m 644 -t "$lib" config.toml
  install -D -m 644 -t "$lib/scripts" scripts/steps.sh
  install -D -m 644 -t "$lib/systemd" systemd/{releases.sh,placing.sh,restart-steps.conf,switchboard.toml}
  echo "$release" > "$lib/release"
  install -D -m 644 -t "$folder" systemd/$name-trial.service
  for unit in "${units[@]}"; do ln -s "$opt/current/$unit" "$folder/${unit#systemd/}"; done
  install -D -m 644 systemd/60-$name.rules "$stage/usr/lib/udev/rules.d/60-$name.rules"
  install -d "$stage/usr/bin"
  ln -s "$opt/current/bin/$name" "$stage/usr/bin/$name"
}

place_documents() {
  local doc=$stage/usr/share/doc/$name
  install -D -m 644 LICENSE "$doc/copyright"
  gzip -9n < CHANGELOG.md > "$doc/changelog.gz"
}

# The environment belongs to one minor version of Python, and so to one Debian.
depends() {
  local minor
  minor=$("$python" -c 'import sys; print(sys.version_info.minor)')
  echo "python3 (>= 3.$minor), python3 (<< 3.$((minor + 1)))$(printf ', %s' $(runtime_packages) ca-certificates passwd systemd)"
}

control() {
  cat <<END
Package: $name
Version: $(package_version)
Architecture: $(dpkg --print-architecture)
Maintainer: ${DEBFULLNAME:-$name} <${DEBEMAIL:-root@localhost}>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Depends: $(depends)
Recommends: udev
Section: comm
Priority: optional
Description: phone of buttons, lights and a sound card
 Turns a small computer on a wall into an intercom, a kiosk or a help point: it registers with a voice service, a
 switchboard or a PBX, and carries the sound over WebRTC.
 .
 Each version has a folder of its own in /opt/$name, and takes over on trial: one that does not get ready is taken back.
END
}

describe() {
  local script
  install -d "$stage/DEBIAN"
  control > "$stage/DEBIAN/control"
  for script in postinst prerm postrm; do install -m 755 packaging/$script "$stage/DEBIAN/$script"; done
  (cd "$stage" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums)
}

# What would make a box depend on this machine, or let its users change what root runs.
inspect() {
  local found
  found=$(grep -rlF --exclude-dir=DEBIAN "$workshop" "$stage" | head -n 3 || true)
  [ -z "$found" ] || fail "these name the folder that they were made in: $found"
  found=$(find "$stage" ! -type l -perm /022 | head -n 3)
  [ -z "$found" ] || fail "these can be changed by others than root: $found"
}

check_machine
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || fail "$python is not 3.11 or newer, with venv"
target=$(realpath -m "${1:-build}")
workshop=$(mktemp -d)
trap 'rm -rf "$workshop"' EXIT
export TMPDIR=$workshop/tmp
stage=$workshop/stage
release=$(release_name "$python")
package=$target/${name}_$(package_version)_$(dpkg --print-architecture).deb
say "making $release"
mkdir -p "$TMPDIR" "$stage/usr/lib/$name/releases" "$target"
chmod 755 "$stage"
make_release "$python" "$stage/usr/lib/$name/releases/$release" "$workshop/made"
settle
place_files
place_documents
describe
inspect
attempt "packing it" dpkg-deb --root-owner-group --build "$stage" "$package.new"
mv "$package.new" "$package"
echo "$package"
