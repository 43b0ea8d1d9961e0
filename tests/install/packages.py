"""Debian packages of this checkout: as the script makes it, and as those of later versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.checkout import copy_checkout

HAS_VENV = subprocess.run(["/usr/bin/python3", "-c", "import ensurepip"], capture_output=True).returncode == 0
READY = '"READY=1'


def build(folder: Path) -> Path:
    """Make the package of this checkout, as somebody would who has a copy of it."""
    copy_checkout(folder / "checkout")
    quick = os.environ | {"DPKG_DEB_COMPRESSOR_TYPE": "none"}
    made = subprocess.run([folder / "checkout/packaging/build.sh", folder], env=quick, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-4000:]
    return Path(made.stdout.strip())


def later(package: Path, version: str, works: bool = True) -> Path:
    """Make the same again under a later version, without making all of its parts again; one may not get ready."""
    tree = package.parent / version
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    (old,) = (tree / "usr/lib/kiosk-agent/releases").iterdir()
    new = old.rename(old.with_name(f"{version}-{old.name.rpartition('-')[2]}"))
    (tree / "usr/lib/kiosk-agent/release").write_text(f"{new.name}\n")
    for text in (new / "pyvenv.cfg", new / "bin/kiosk-agent"):
        text.write_text(text.read_text().replace(old.name, new.name))
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", control.read_text()))
    (program,) = new.glob("lib/python3*/site-packages/agent/program.py")
    _change(program, re.sub(r'VERSION = "[^"]*"', f'VERSION = "{version}"', program.read_text()))
    if not works:
        notifier = program.parent / "service/notifier.py"
        assert READY in notifier.read_text()
        _change(notifier, notifier.read_text().replace(READY, '"NEVER=1'))
    made = package.parent / f"{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, made], check=True, stdout=sys.stderr)
    shutil.rmtree(tree)
    return made


def _change(file: Path, text: str) -> None:
    """What is compiled counts, whatever the date of the file; and this machine's Python may be another."""
    file.write_text(text)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()
