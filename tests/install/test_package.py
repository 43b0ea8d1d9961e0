"""The Debian package on a system of its own: installed without compiler and network, run, updated, taken back, removed.

The system is this one, in a layer that is thrown away: what the package does to it, nobody else sees. With
BARE_ROOT_CACHE=DIR it is also each Debian of the README, and the package is made there; DIR keeps the bare roots.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import ROOT, copy_checkout
from tests.install.bare_roots import CAN_MAKE, NATIVE, SYSTEMS, bare_root, lend_network, run_in
from tests.install.layer import NAME, OPT, Box, layer_over
from tests.install.packages import HAS_VENV, build, later

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or not HAS_VENV or not all(map(shutil.which, ("dpkg-deb", "unshare", "nsenter", "gcc"))),
        reason="needs root, a Debian with python3-venv, and a compiler to make the package with",
    ),
    pytest.mark.timeout(3600 if CAN_MAKE else 900),  # of which making the package takes most
]
THIS = "this system"
# Kills a script of the package before its step number CUT_AT.
CUT = r"""
set -T
steps=0
trap '[ $BASH_SUBSHELL != 0 ] || [ $((++steps)) != "$CUT_AT" ] || kill -9 $$' DEBUG
"""
COMMAND = "/usr/local/bin/kiosk-agent"  # of a checkout
WANTS = "/etc/systemd/system/multi-user.target.wants"
PLACED = re.compile(r"(/etc|/usr/lib)/(systemd/system|udev/rules\.d)/[^/]+\.\w+|/usr/(local/)?bin/[^/]+")
UNITS = ("kiosk-agent.service", "kiosk-agent-door.socket", "kiosk-agent-door@.service",
         "kiosk-agent-switchboard.service", "kiosk-agent-trial.service")  # fmt: skip
CHECKOUT_PLACES = {*(f"/etc/systemd/system/{unit}" for unit in UNITS),
                   "/etc/udev/rules.d/60-kiosk-agent.rules", COMMAND}  # fmt: skip
PACKAGE_PLACES = {*(f"/usr/lib/systemd/system/{unit}" for unit in UNITS),
                  "/usr/lib/udev/rules.d/60-kiosk-agent.rules", "/usr/bin/kiosk-agent"}  # fmt: skip
SETTINGS = """
[box]
identity = "gate"
pins = "mock"
[sound]
driver = "none"
[token]
url = "https://tokens.example.org/"
[page]
enabled = false
"""


@pytest.fixture(scope="module", params=[THIS, *(SYSTEMS if CAN_MAKE else ())])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The package, and the system that it was made for, which has what the package and a checkout depend on."""
    folder = tmp_path_factory.mktemp("package")
    if request.param == THIS:
        yield build(folder), Path("/")
        return
    package, target = build_in(request.param, folder), folder / "target"
    bare_root(request.param, NATIVE, target)
    wanted = subprocess.run(["dpkg-deb", "-f", package, "Depends"], check=True, capture_output=True, text=True).stdout
    words = ["bash", "-c", ". scripts/steps.sh; making_packages"]
    making = subprocess.run(words, check=True, cwd=ROOT, capture_output=True, text=True)
    apt(target, [*re.findall(r"(?:^|, )([a-z0-9.+-]+)", wanted.strip()), *making.stdout.split()])
    yield package, target
    shutil.rmtree(folder)  # a gigabyte


def build_in(suite: str, folder: Path) -> Path:
    """Make the package in a bare root, as the documents say."""
    root = folder / "builder"
    bare_root(suite, NATIVE, root)
    copy_checkout(root / "root/kiosk-agent")
    quick = {**lend_network(root), "DPKG_DEB_COMPRESSOR_TYPE": "none"}
    script = "cd /root/kiosk-agent && scripts/setup.sh packages && packaging/build.sh /root/out"
    done = run_in(root, "sh", "-c", script, environment=quick)
    assert done.returncode == 0, done.stderr[-4000:]
    shutil.copytree(root / "root/kiosk-agent", folder / "checkout")
    return Path(shutil.copy(root / "root/out" / Path(done.stdout.strip()).name, folder))


def apt(root: Path, packages: list[str]) -> None:
    quiet = {**lend_network(root), "DEBIAN_FRONTEND": "noninteractive"}
    script = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"'
    done = run_in(root, "sh", "-c", script, "sh", *packages, environment=quiet)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture
def box(made: tuple[Path, Path], tmp_path: Path) -> Iterator[Box]:
    folder = tmp_path / "system"
    folder.mkdir()
    with layer_over(made[1], folder) as system:
        yield system


def test_a_box_lives_with_the_package(made: tuple[Path, Path], box: Box) -> None:
    package, _ = made
    first = package.name.split("_")[1].partition("+")[0]
    before = set(box.traces())

    installs(box, package, first)
    plays_a_call(box)
    is_updated_though_it_is_cut(box, later(package, "7.1"), first)
    goes_back_and_forth(box, package, first)
    is_removed(box, before)
    gives_way_to_a_checkout_and_comes_back(box, package, first)
    assert set(box.traces()) == before


def installs(box: Box, package: Path, version: str) -> None:
    assert "gcc" not in box.run("ls", "/usr/bin").split()

    told = box.install(package)

    assert "not compiled" not in told
    assert box.version == version
    assert box.state.startswith(f"installed {version}+deb")
    assert box.run("stat", "-c", "%a %U %G", "/etc/kiosk-agent/config.toml") == "640 root kiosk-agent\n"
    assert box.has("/etc/systemd/system/multi-user.target.wants/kiosk-agent.service")
    assert not box.has("/etc/systemd/system/multi-user.target.wants/kiosk-agent-switchboard.service")
    for unit in ("kiosk-agent.service", "kiosk-agent-door.socket", "kiosk-agent-switchboard.service"):
        assert "[Unit]" in box.read(f"/usr/lib/systemd/system/{unit}")
    assert box.run("dpkg", "--verify", NAME) == ""


def plays_a_call(box: Box) -> None:
    """As the service's user, with all that is built by a compiler."""
    box.write("/etc/kiosk-agent/config.d/50-box.toml", SETTINGS)
    assert box.run(NAME, "check").endswith("/etc/kiosk-agent/config.toml: ok\n")

    python = f"{OPT}/current/bin/python"
    assert box.run(python, "-c", "from agent.media.native.core import verdict; print(verdict().why)") == "\n"
    box.run("install", "-d", "-o", NAME, "/run/demo")
    as_user = ("runuser", "-u", NAME, "--", "env", "-C", "/run/demo", "HOME=/run/demo")
    told = box.run(*as_user, NAME, "demo", "--quick", "--state-dir", "/run/demo/state")
    assert told.rstrip().splitlines()[-1].startswith("demo: ok")


def is_updated_though_it_is_cut(box: Box, update: Path, first: str) -> None:
    """The power fails in the middle of it, several times; what its owner wrote stays."""
    own = f"# mine\n{box.read('/etc/kiosk-agent/config.toml')}"
    box.write("/etc/kiosk-agent/config.toml", own)
    box.write("/run/cut.sh", CUT)
    box.write("/run/update.deb", update.read_bytes())
    box.run("dpkg", "--force-unsafe-io", "--unpack", "/run/update.deb")
    assert box.version == first

    cuts = 0
    for at in range(5, 500, 19):
        words = ("sh", "-c", "dpkg --configure kiosk-agent >&2 || echo cut")
        was_cut = box.run(*words, BASH_ENV="/run/cut.sh", CUT_AT=str(at)).startswith("cut\n")
        assert box.has(f"{OPT}/current/complete"), f"step {at}"
        if not was_cut:
            break
        cuts += 1
    assert cuts > 2
    box.run("dpkg", "--configure", "-a")

    assert (box.version, box.state) == ("7.1", "installed 7.1")
    assert box.read("/etc/kiosk-agent/config.toml") == own
    assert box.read("/etc/kiosk-agent/config.d/50-box.toml") == SETTINGS
    assert box.named("previous").startswith(f"{first}-")  # though it is no part of the package any more
    assert box.run(f"{OPT}/previous/bin/{NAME}", "--version").split()[-1] == first


def goes_back_and_forth(box: Box, package: Path, first: str) -> None:
    update = box.named("current")
    box.run(NAME, "rollback")
    assert box.version == first

    box.run("ln", "-s", f"releases/{update}", f"{OPT}/refused")  # as a trial that failed leaves it
    assert "not tried again" in box.run("dpkg-reconfigure", NAME)
    assert box.version == first
    box.run("rm", f"{OPT}/refused")
    box.run("dpkg-reconfigure", NAME)
    assert box.version == "7.1"

    box.install(package)
    assert (box.version, box.state.split("+")[0]) == (first, f"installed {first}")


def is_removed(box: Box, before: set[str]) -> None:
    refused = box.run(NAME, "uninstall", status=1)
    assert "apt-get remove" in refused

    box.run("dpkg", "--remove", NAME)

    assert set(box.traces()) - before == {"/etc/kiosk-agent"}
    assert box.run("stat", "-c", "%a %U %G", "/etc/kiosk-agent/config.toml") == "640 root root\n"
    assert "# mine" in box.read("/etc/kiosk-agent/config.toml")
    assert NAME not in box.read("/etc/passwd")

    box.run("dpkg", "--purge", NAME)

    assert set(box.traces()) == before


def gives_way_to_a_checkout_and_comes_back(box: Box, package: Path, version: str) -> None:
    """Each takes over what the other left, with settings, and leaves nothing of the other beside it."""
    box.unpack(package.parent / "checkout", "/run/checkout")
    installs_from_a_checkout(box, package)
    box.write("/etc/kiosk-agent/config.d/50-box.toml", SETTINGS)
    box.run("rm", f"{WANTS}/kiosk-agent.service")  # a machine that is only a switchboard
    box.install(package)
    assert places(box) == PACKAGE_PLACES
    assert box.version == version
    assert box.read("/etc/kiosk-agent/config.d/50-box.toml") == SETTINGS
    assert not box.has(f"{WANTS}/kiosk-agent.service")
    assert "has the Debian package" in box.run("/run/checkout/systemd/install.sh", status=1)

    box.run("dpkg", "--remove", NAME)
    installs_from_a_checkout(box, package)
    assert box.run("stat", "-c", "%a %G", "/etc/kiosk-agent/config.toml") == "640 kiosk-agent\n"
    assert box.run(COMMAND, "check").endswith("/etc/kiosk-agent/config.toml: ok\n")
    assert box.has(f"{WANTS}/kiosk-agent.service")
    box.install(package)
    assert places(box) == PACKAGE_PLACES

    box.run("dpkg", "--remove", NAME)
    installs_from_a_checkout(box, package)
    assert "settings stay" in box.run("dpkg", "--purge", NAME)
    assert box.read("/etc/kiosk-agent/config.d/50-box.toml") == SETTINGS
    assert box.run(COMMAND, "uninstall", "--purge").endswith("removed\n")


def installs_from_a_checkout(box: Box, package: Path) -> None:
    """As with a compiler and a network: what those would make is the version that the package has."""
    if not box.has("/run/made"):
        box.write("/run/package.deb", package.read_bytes())
        box.run("dpkg-deb", "-x", "/run/package.deb", "/run/made")
    box.run("sh", "-c", f"mkdir -p {OPT}/releases && cp -a /run/made/usr/lib/{NAME}/releases/* {OPT}/releases")
    box.run("sh", "-c", f"for made in {OPT}/releases/*; do touch $made/complete; done")
    told = box.run("/run/checkout/systemd/install.sh", "--without-demo")
    assert "making" not in told and told.endswith("it starts with the next boot\n")
    assert places(box) == CHECKOUT_PLACES


def places(box: Box) -> set[str]:
    """Where units, rules and the command are; not what is started at boot."""
    return {path for path in box.traces() if PLACED.fullmatch(path)}
