"""Bare roots of the systems that the README promises, kept as archives in BARE_ROOT_CACHE."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SYSTEMS = {"bookworm": "Debian 12, Python 3.11", "trixie": "Debian 13, Python 3.13"}
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
CAN_MAKE = "BARE_ROOT_CACHE" in os.environ and os.geteuid() == 0 and shutil.which("mmdebstrap") is not None
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_ENTER = """
root=$1; shift
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && exec chroot "$root" "$@"
"""


def bare_root(suite: str, arch: str, folder: Path) -> None:
    """A Debian with nothing but apt, from wherever this machine gets Debian from."""
    kept = Path(os.environ["BARE_ROOT_CACHE"]) / f"{suite}-{arch}.tar"
    if not kept.exists():
        listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True)
        mirror = next(uri for uri in listed.stdout.split() if re.search(r"/debian/?$", uri))
        new = kept.with_suffix(".new.tar")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--arch={arch}", suite, str(new), mirror]
        subprocess.run(command, check=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
        new.rename(kept)
    folder.mkdir()
    subprocess.run(["tar", "-xf", kept, "-C", folder, "--exclude=./dev/*"], check=True)
    (folder / "etc/apt/apt.conf.d/80retries").write_text('Acquire::Retries "5";\nAcquire::Languages "none";\n')


def lend_network(folder: Path) -> dict[str, str]:
    """Give the root this machine's way to packages: names, and what pip is told; the environment for it."""
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    told = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    shown = subprocess.run([sys.executable, "-m", "pip", "config", "debug"], capture_output=True, text=True).stdout
    for name in set(re.findall(r"/[^\s',]+", shown)):
        if Path(name).is_file():
            (folder / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, folder / name[1:])
    certificates = re.search(r"cert: (\S+)", shown)
    if certificates:  # a copy that the packages of the root do not replace by their own
        told["PIP_CERT"] = "/root/certificates.pem"
        shutil.copy(certificates[1], folder / "root/certificates.pem")
    return told


def run_in(folder: Path, *words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in the root, with this machine's network; what it leaves running ends with it."""
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh", str(folder)]
    plain = {"PATH": PATH, "HOME": "/root", **environment}
    return subprocess.run([*enter, *words], env=plain, capture_output=True, text=True)
