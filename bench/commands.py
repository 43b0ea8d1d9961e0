"""What a command costs that is given at a terminal: its time and CPU, beside a Python that does nothing.

    python -m bench.commands [--rounds 20]

A box runs in a process of its own, and is asked over its control socket; the settings are the whole config.toml with a
layer over it. All commands are measured in turn. "Asking anything" is a Python that loads what nothing can do without
that speaks JSON over a socket. The installed program needs less than a checkout: an editable installation loads a
finder at each start of Python, which costs more than Python itself. The last line has the ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.idle import HERE, resting_box

FLOOR, ASKING = "python, doing nothing", "asking anything"
MUST_S = 0.15


class Took(NamedTuple):
    """Seconds of one command, by the clock and of CPU."""

    wall_s: float
    cpu_s: float


def commands(settings: Path) -> dict[str, list[str]]:
    """Return what is measured, by its name."""
    agent = ["-m", "agent"]
    asked = ["--config", str(settings)]
    return {
        FLOOR: ["-c", "pass"],
        ASKING: ["-c", "import json, socket"],
        "--version": [*agent, "--version"],
        "--help": [*agent, "--help"],
        "status": [*agent, "status", *asked],
        "press": [*agent, "press", "mute", *asked],
        "reload": [*agent, "reload", *asked],
        "key": [*agent, "key", "guest"],
        "code": [*agent, "code", "guest", *asked],
        "check": [*agent, "check", str(settings), "--trust-settings"],
    }


def took(words: list[str]) -> Took:
    """Perform a command; RuntimeError for one that fails."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, *words], cwd=HERE, env=os.environ | {"PYTHONPATH": str(HERE)},
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
    assert process.stdin is not None
    with process.stdin as finger:
        finger.write(b"24681357\n")
    _, process.returncode, usage = os.wait4(process.pid, 0)
    if process.returncode:
        raise RuntimeError(f"{words} failed")
    return Took(time.monotonic() - began, usage.ru_utime + usage.ru_stime)


def write_settings(folder: Path, control_socket: Path) -> Path:
    """Write the settings that a box is asked with."""
    path = folder / "asking.toml"
    path.write_text((HERE / "config.toml").read_text())
    layer = folder / "asking.d" / "own.toml"
    layer.parent.mkdir()
    layer.write_text(f'[service]\ncontrol_socket = "{control_socket}"\n[token]\nurl = "https://tokens.example/box"\n')
    return path


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with resting_box(HERE, "none") as box, tempfile.TemporaryDirectory() as folder:
        every = commands(write_settings(Path(folder), box.control_socket))
        found = [{name: took(words) for name, words in every.items()} for _ in range(rounds)]
    middle = {name: Took(*(statistics.median(one[name][n] for one in found) for n in range(2))) for name in every}
    print(f"{'':24} {'ms':>8} {'CPU ms':>8} {'x nothing':>10} {'x asking':>10}   (ratios of CPU)")
    for name, one in middle.items():
        ratios = [one.cpu_s / middle[base].cpu_s for base in (FLOOR, ASKING)]
        print(f"{name:24} {one.wall_s * 1000:8.0f} {one.cpu_s * 1000:8.0f} {ratios[0]:10.1f} {ratios[1]:10.1f}")
    status = middle["status"]
    print(f"commands: status takes {status.wall_s:.3f} s (must be <= {MUST_S:g}), "
          f"{status.cpu_s / middle[ASKING].cpu_s:.1f} x asking anything")  # fmt: skip


if __name__ == "__main__":
    main()
