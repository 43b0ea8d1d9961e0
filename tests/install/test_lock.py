"""What is installed is written down with hashes, for each Python and processor, and is what the project asks for."""

from __future__ import annotations

import configparser
import importlib.metadata
import platform
import re
import sys
import tomllib
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("build", "run", "house", "test")
EXTRAS = {"house": ("mqtt", "metrics"), "test": ("test",)}
PYTHONS, PROCESSORS = ("3.11", "3.12", "3.13"), ("x86_64", "aarch64")
TARGETS = tuple(product(PYTHONS, PROCESSORS))
THIS = (f"{sys.version_info.major}.{sys.version_info.minor}", platform.machine())
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def counts(self, target: dict[str, str]) -> bool:
        return self.marker is None or self.marker.evaluate(target)


@cache
def lock(name: str) -> tuple[Pin, ...]:
    text = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ")
    return tuple(pin(line) for line in text.splitlines())


def pin(line: str) -> Pin:
    """One line of a lock file, which has a version and hashes, and nothing else: no address, no option."""
    hashes = tuple(HASH.findall(line))
    requirement = Requirement(HASH.sub("", line).strip())
    (only,) = requirement.specifier
    assert only.operator == "==" and "*" not in only.version and requirement.url is None, line
    return Pin(canonicalize_name(requirement.name), only.version, requirement.marker, hashes)


def target(python: str, processor: str) -> dict[str, str]:
    machine = {"platform_machine": processor, "sys_platform": "linux", "platform_system": "Linux"}
    return {**default_environment(), **machine, "python_version": python, "python_full_version": f"{python}.2"}  # type: ignore[dict-item]


def pinned(name: str, where: dict[str, str]) -> dict[str, str]:
    """The version of each package that counts there; one and no more."""
    counting = [pin for pin in lock(name) if pin.counts(where)]
    versions = {pin.name: pin.version for pin in counting}
    assert len(versions) == len(counting)
    return versions


def asked(name: str) -> list[Requirement]:
    """What the project's own files ask for."""
    if name == "build":
        texts = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    else:
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        texts = setup["options"]["install_requires"].split("\n")
        for extra in EXTRAS.get(name, ()):
            texts += setup["options.extras_require"][extra].split("\n")
    return [Requirement(text) for text in texts if text]


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_has_one_version_and_hashes(name: str) -> None:
    assert lock(name)
    assert all(pin.hashes for pin in lock(name))


@pytest.mark.parametrize("where", TARGETS, ids="-".join)
@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_is_what_the_project_asks_for(name: str, where: tuple[str, str]) -> None:
    versions = pinned(name, target(*where))
    wrong = [str(wanted) for wanted in asked(name)
             if not wanted.specifier.contains(versions.get(canonicalize_name(wanted.name), ""))]  # fmt: skip

    assert not wrong, "run scripts/lock.sh"


def closure(name: str) -> set[str]:
    """Every package that follows from what is asked, by what the installed ones say they need."""
    pending, found = [(wanted, "") for wanted in asked(name)], set()
    while pending:
        wanted, extra = pending.pop()
        if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
            continue
        new = {canonicalize_name(wanted.name)} - found
        found |= new
        needs = importlib.metadata.requires(wanted.name) or [] if new or wanted.extras else []
        pending += [(Requirement(need), extra) for need in needs for extra in {"", *wanted.extras} if new or extra]
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_all_that_is_needed_and_nothing_else(name: str) -> None:
    here = {pin.name for pin in lock(name) if pin.counts(target(*THIS))}

    assert here == closure(name), "run scripts/lock.sh"


def test_the_tests_run_with_the_packages_that_the_box_has() -> None:
    for where in TARGETS:
        build, run, house, test = (pinned(name, target(*where)) for name in LOCKS)
        assert run.items() <= house.items() <= test.items()
        assert build.items() <= run.items() or not build.keys() & run.keys()
    here = pinned("test", target(*THIS))
    others = {name for name, version in here.items() if importlib.metadata.version(name) != version}
    assert not others, "scripts/setup.sh has not run since"


def test_nothing_is_installed_but_what_the_lock_names() -> None:
    """pip is told of hashes, or to look nowhere: the project itself."""
    scripts = [ROOT / "run.sh", *(ROOT / "scripts").glob("*.sh"), *(ROOT / "systemd").glob("*.sh"),
               *(ROOT / "packaging").iterdir()]
    calls = [line.strip() for script in scripts for line in script.read_text().splitlines()
             if re.search(r"\bpip_install \S", line) and not line.lstrip().startswith("#")]  # fmt: skip

    assert len(calls) >= 4
    assert not [call for call in calls if "--require-hashes" not in call and "--no-index --no-deps" not in call]
    assert not [script for script in scripts if "-m pip install" in script.read_text() and script.name != "steps.sh"]
