#!/bin/bash
# Builds, or finds in the cache, a user-mode Linux kernel and a Debian root image; prints the two paths.
#   VMBENCH_CACHE=DIR [VMBENCH_SUITE=trixie] tests/vm/build-image.sh
# Needs root, the suite's Python (bookworm 3.11, trixie 3.13) and the packages mmdebstrap e2fsprogs; for the kernel
# (minutes) also make flex bison bc libelf-dev xz-utils. A kernel built elsewhere can be named in VMBENCH_KERNEL.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
cache=${VMBENCH_CACHE:?names the folder that keeps kernel and image}
version=7.2
suite=${VMBENCH_SUITE:-bookworm}
case $suite in bookworm) python=python3.11 ;; trixie) python=python3.13 ;; *) echo "unknown suite $suite" >&2; exit 1 ;; esac
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/\?$')   # wherever this machine gets Debian from
kernel_id=$({ echo $version; cat "$here/kernel.config"; } | sha256sum | cut -c1-16)
root_id=$({ echo $suite; cat "$here/packages.txt" "$project"/requirements/*.txt "$here"/guest/* "$0"; } | sha256sum | cut -c1-16)
kernel=${VMBENCH_KERNEL:-$cache/kernel-$kernel_id/linux}
root=$cache/root-$root_id/root.img
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
tmp=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf --one-file-system "$tmp"' EXIT

build_kernel() {
  echo "building kernel $version (minutes)" >&2
  mkdir -p "$tmp"/apt/lists/partial "$tmp"/apt/cache/archives/partial
  touch "$tmp/apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" > "$tmp/apt/list"
  local apt=(-qq -o Dir::State="$tmp/apt" -o Dir::State::status="$tmp/apt/status" -o Dir::Cache="$tmp/apt/cache"
    -o Dir::Etc::sourcelist="$tmp/apt/list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root)
  (cd "$tmp" && apt-get "${apt[@]}" update && apt-get "${apt[@]}" download linux-source-$version) >&2
  dpkg-deb --fsys-tarfile "$tmp"/linux-source-*.deb | tar -xO ./usr/src/linux-source-$version.tar.xz | tar -xJ -C "$tmp"
  (
    cd "$tmp/linux-source-$version"
    make -s ARCH=um defconfig
    ./scripts/kconfig/merge_config.sh -m .config "$here/kernel.config" >/dev/null
    make -s ARCH=um olddefconfig
    make -s ARCH=um -j"$(nproc)" linux
    mkdir -p "${kernel%/*}"
    strip -o "$kernel.new" linux
    mv "$kernel.new" "$kernel"
  ) >&2
}

build_root() {
  echo "building root image (minutes)" >&2
  local r=$tmp/root
  mkdir "$tmp/wheels"
  # The same files as on any box: what is built is built in the guest, or its hash would be another.
  for lock in build run test; do
    $python -m pip download -q --require-hashes -r "$project/requirements/$lock.txt" -d "$tmp/wheels" >&2
  done
  mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --include="$(xargs < "$here/packages.txt" | tr ' ' ',')" $suite "$r" "$mirror" >&2
  mkdir -p "$r/usr/lib/vmbench" "$r/opt/wheelhouse"
  install -m755 "$here"/guest/vmbench-{hw,job} "$r/usr/lib/vmbench/"
  install -m644 "$here"/guest/*.service "$r/etc/systemd/system/"
  install -m644 "$here/guest/asound.conf" "$r/etc/"
  cp "$tmp"/wheels/* "$r/opt/wheelhouse/"
  printf '[global]\nno-index = true\nfind-links = /opt/wheelhouse\ndisable-pip-version-check = true\n' > "$r/etc/pip.conf"
  echo '/dev/ubda / ext4 defaults,noatime 0 1' > "$r/etc/fstab"
  echo kiosk > "$r/etc/hostname"
  printf '127.0.0.1 localhost kiosk\n::1 localhost\n' > "$r/etc/hosts"
  : > "$r/etc/machine-id"
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$r" sh -euc '
    groupadd -r gpio; systemctl -q enable vmbench-hw.service vmbench-job.service
    systemctl -q mask getty.target systemd-logind apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service e2scrub_all.timer' >&2
  rm -rf "$r"/var/cache/apt/* "$r"/var/lib/apt/lists/*
  mkdir -p "${root%/*}"
  truncate -s 3G "$tmp/root.img"
  mkfs.ext4 -q -J size=16 -d "$r" "$tmp/root.img"
  mv "$tmp/root.img" "$root"
}

[ -x "$kernel" ] || build_kernel
[ -f "$root" ] || build_root
echo "$kernel $root"
