"""One way to break the program, and the proof that a test notices."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("agent", "bench", "hw", "tests", "config.toml", "pyproject.toml", "setup.cfg", "systemd")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "vm", "*.pyc")
LIMIT_S = 240.0
TESTS_FAILED = 1  # pytest's status; 2 to 5 mean that it did not come to a judgement


@dataclass(frozen=True)
class Mutation:
    """In `file`, `old` becomes `new`; then one of `tests` (paths below tests/, as pytest takes them) must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def problem(mutation: Mutation, root: Path = ROOT) -> str:
    """Why a mutation cannot be made: an empty text when it can."""
    path = root / mutation.file
    found = path.read_text().count(mutation.old) if path.exists() else 0
    if found != 1:
        return f"{mutation.file}: {mutation.old!r} stands there {found} times; it must be exactly one"
    if mutation.old == mutation.new:
        return f"{mutation.file}: nothing is changed"
    gone = [test for test in mutation.tests if not (root / "tests" / test.split("::")[0]).exists()]
    return f"no such test: {', '.join(gone)}" if gone or not mutation.tests else ""


def copy_tree(folder: Path) -> Path:
    """Copy what tests need; the copies are changed, never the tree itself."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy(source, folder / name)
    return folder


def survives(mutation: Mutation, tree: Path) -> str:
    """Break the copy in `tree`, run the tests and mend it again: why it was not caught, or an empty text."""
    if why := problem(mutation, tree):
        return why
    path = tree / mutation.file
    whole = path.read_text()
    path.write_text(whole.replace(mutation.old, mutation.new))
    try:
        ended = _run(mutation.tests, tree)
    except subprocess.TimeoutExpired:
        return f"its tests took longer than {LIMIT_S:g} s"
    finally:
        path.write_text(whole)
    if ended.returncode == TESTS_FAILED:
        return ""
    if ended.returncode == 0:
        return "no test failed"
    return f"its tests could not be run (status {ended.returncode}): {(ended.stdout + ended.stderr)[-600:]}"


def _run(tests: tuple[str, ...], tree: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
    command += [f"tests/{test}" for test in tests]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=LIMIT_S, check=False)
