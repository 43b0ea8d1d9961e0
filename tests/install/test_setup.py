"""What set-up says when it cannot go on: at once where the system is not supported, else the true cause."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BACKEND = """
from pathlib import Path


def prepare_metadata_for_build_editable(folder, settings=None):
    info = Path(folder) / "box-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: box\\nVersion: 1.0\\n")
    return info.name

def build_editable(*arguments):
    raise SystemExit("command swig failed: No such file or directory")

build_wheel = build_editable
"""

Setup = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with our set-up, whose packages a test makes."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    (folder / "setup.cfg").touch()
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(pyproject)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Callable[[str, str], None]:
    """Puts a program of a test's own in the way of the real one."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def place(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    place("sleep", "exit 0")
    return place


@pytest.fixture
def set_up(project: Path, programs: object, tmp_path: Path) -> Setup:
    def run(kind: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        env = os.environ | {"PATH": path, "PIP_RETRIES": "1", **environment}
        command = [project / "scripts/setup.sh", kind]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)

    return run


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment, made once, because that takes its time."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


def make_packages(project: Path, environment: Path, locked: str = "") -> None:
    """Let the project need what is `locked`; its own build always fails."""
    (project / ".venv").symlink_to(environment)
    (project / "backend.py").write_text(BACKEND)
    (project / "requirements").mkdir()
    (project / "requirements/build.txt").touch()
    (project / "requirements/run.txt").write_text(f"{locked}\n")


def wheel(folder: Path, name: str) -> str:
    """Make a package with nothing in it; the SHA-256 of its file."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return hashlib.sha256((folder / f"{name}-1.0-py3-none-any.whl").read_bytes()).hexdigest()


@pytest.mark.parametrize("arch", ["armhf", "armel"])
def test_a_32_bit_system_is_refused_before_anything_is_installed(
    arch: str, set_up: Setup, project: Path, programs: Callable[[str, str], None]
) -> None:
    programs("dpkg", f"echo {arch}")  # also where the kernel, and so uname, is 64-bit
    programs("apt-get", 'touch "$0.called"')
    programs("dpkg-query", "exit 1")
    done = set_up()
    assert done.returncode == 1
    assert f"32-bit ARM ({arch}), which is not supported" in done.stderr
    assert "64-bit Raspberry Pi OS" in done.stderr
    assert not (project / ".venv").exists()
    assert not list(project.parent.glob("bin/*.called"))


@pytest.mark.parametrize(
    ("arch", "said"), [("armv7l", "32-bit ARM"), ("armv6l", "32-bit ARM"), ("i686", "only 64-bit")]
)
def test_a_system_without_dpkg_is_told_by_its_kernel(
    arch: str, said: str, set_up: Setup, programs: Callable[[str, str], None]
) -> None:
    programs("dpkg", "exit 127")
    programs("uname", f"echo {arch}")
    done = set_up()
    assert done.returncode == 1
    assert said in done.stderr
    assert arch in done.stderr


@pytest.mark.parametrize(("kind", "takes_servers"), [("run", False), ("quick", False), ("test", True)])
def test_a_user_whom_sudo_asks_for_a_password_is_told_the_command(
    kind: str, takes_servers: bool, set_up: Setup, programs: Callable[[str, str], None]
) -> None:
    programs("id", "echo 1000")
    programs("sudo", 'test "$1" = -n && exit 1; touch "$0.asked"')
    programs("dpkg-query", "exit 1")
    done = set_up(kind)
    command = done.stderr.splitlines()[-1].partition("Run: ")[2]
    assert done.returncode == 1
    assert command.startswith("sudo apt-get update; sudo apt-get install --no-install-recommends python3-venv ")
    assert ("coturn" in command) == takes_servers


def test_a_package_that_cannot_be_built_is_named_and_the_network_is_not_blamed(
    set_up: Setup, project: Path, environment: Path
) -> None:
    make_packages(project, environment)
    done = set_up()
    assert done.returncode == 1
    assert "command swig failed" in done.stderr
    assert "box had to be built here, and that failed" in done.stderr
    assert "online" not in done.stderr
    assert "once more" not in done.stderr


def test_a_package_that_no_index_has_for_this_python_is_named(
    set_up: Setup, project: Path, environment: Path
) -> None:
    make_packages(project, environment, f"lgpio==0.2.2 --hash=sha256:{'0' * 64}")
    done = set_up(PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert done.returncode == 1
    assert "no release of lgpio==0.2.2 fits this Python and this processor" in done.stderr
    assert "online" not in done.stderr


def test_an_index_that_cannot_be_reached_is_tried_twice_and_blamed_on_the_network(
    set_up: Setup, project: Path, environment: Path
) -> None:
    make_packages(project, environment, f"anything==1 --hash=sha256:{'0' * 64}")
    nobody = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    done = set_up(PIP_CONFIG_FILE="/dev/null", **nobody)
    assert done.returncode == 1
    assert "trying once more" in done.stderr
    assert "is this machine online?" in done.stderr


@pytest.mark.parametrize("changed", ["cable", "plug"])
def test_a_package_that_is_not_the_locked_one_is_refused_with_all_others(
    changed: str, set_up: Setup, project: Path, environment: Path, tmp_path: Path
) -> None:
    locked = "".join(f"{name}==1.0 --hash=sha256:{wheel(tmp_path, name)}\n" for name in ("cable", "plug"))
    make_packages(project, environment, locked)
    with (tmp_path / f"{changed}-1.0-py3-none-any.whl").open("ab") as file:
        file.write(b"more")
    done = set_up(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert done.returncode == 1
    assert "not the one that this version was made with" in done.stderr.splitlines()[-1]
    assert not [name for name in ("cable", "plug") if list(environment.glob(f"lib/*/site-packages/{name}*"))]


def test_what_pip_does_is_shown_while_it_does_it(
    set_up: Setup, project: Path, environment: Path, tmp_path: Path
) -> None:
    make_packages(project, environment, f"lamp==1.0 --hash=sha256:{wheel(tmp_path, 'lamp')}")
    done = set_up(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    said = done.stderr.splitlines()
    assert said.index("setup:   collecting lamp-1.0-py3-none-any.whl") < said.index("setup:   installing them")


@pytest.mark.parametrize(
    ("apt_said", "cause"),
    [
        ("E: Unable to locate package libportaudio2", "package sources do not have all of them"),
        ("E: Package 'espeak-ng' has no installation candidate", "package sources do not have all of them"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "the disk is full"),
        ("dpkg: error: failed to write (No space left on device)", "the disk is full"),
        ("Err:1 http://deb.example bookworm InRelease\n  Temporary failure resolving 'deb.example'", "online"),
        ("E: Failed to fetch http://deb.example/x.deb  Could not connect to deb.example:80", "online"),
        ("E: Release file for http://deb.example/InRelease is not valid yet (invalid for 5d)", "the clock"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 411 (apt)", "another program"),
        ("dpkg: error processing package coturn (--configure):", "what it said stands above"),
    ],
)
def test_why_debian_packages_could_not_be_installed(
    apt_said: str, cause: str, set_up: Setup, programs: Callable[[str, str], None]
) -> None:
    programs("dpkg-query", "exit 1")
    programs("sudo", 'while [ "$1" != "${1#-}" ]; do shift; done; exec "$@"')
    programs("apt-get", f"cat >&2 <<'END'\n{apt_said}\nEND\nexit 100")
    done = set_up("packages")
    assert done.returncode == 1
    assert apt_said.splitlines()[-1] in done.stderr
    assert cause in done.stderr.splitlines()[-1]


def test_the_service_is_installed_through_the_same_steps() -> None:
    making = (ROOT / "systemd/making.sh").read_text()
    assert "pip_install" in making
    for way in ("systemd/install.sh", "packaging/build.sh"):
        script = (ROOT / way).read_text()
        assert ". systemd/making.sh" in script and "make_release" in script
        assert "pip install" not in script + making
