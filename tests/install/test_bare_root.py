"""`./run.sh --once` in a bare root of each system that the README promises, with nothing set up before. Minutes.

    BARE_ROOT_CACHE=DIR ./test.sh tests/install/test_bare_root.py       as root; DIR keeps the bare roots

Needs mmdebstrap; for arm64 on another machine also qemu-user-static, with its binfmt entry.
"""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import copy_checkout
from tests.install.bare_roots import CAN_MAKE, NATIVE, SYSTEMS, bare_root, lend_network, run_in

EMULATORS = {"arm64": Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")}
pytestmark = [
    pytest.mark.skipif(not CAN_MAKE, reason="needs BARE_ROOT_CACHE, root and mmdebstrap"),
    pytest.mark.timeout(4 * 3600),  # emulated on a busy machine, one hour is not enough
]


@pytest.fixture
def root(suite: str, arch: str, tmp_path: Path) -> Iterator[Path]:
    if arch != NATIVE and not (arch in EMULATORS and EMULATORS[arch].exists()):
        pytest.skip(f"{platform.machine()} cannot run {arch} here")
    folder = tmp_path / "root"
    bare_root(suite, arch, folder)
    yield folder
    shutil.rmtree(folder)  # a gigabyte


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
@pytest.mark.parametrize("suite", SYSTEMS)
def test_the_demo_runs_in_a_bare_root(suite: str, arch: str, root: Path) -> None:
    environment = lend_network(root)
    copy_checkout(root / "root/kiosk-agent")

    began = time.monotonic()
    done = run_in(root, "/root/kiosk-agent/run.sh", "--once", environment=environment)

    print(f"{SYSTEMS[suite]}, {arch}: exit {done.returncode} after {time.monotonic() - began:.0f} s")
    print(done.stderr[-4000:], done.stdout[-4000:])
    assert done.returncode == 0
    assert done.stdout.rstrip().splitlines()[-1].startswith("demo: ok")
