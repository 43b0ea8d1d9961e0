"""baresip (Debian package `baresip-core`) at both ends: a C softphone, over SIP with DTLS-SRTP."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.baresip_home import make_home
from bench.stage import End, ending

START_LIMIT_S = 20.0


@contextlib.contextmanager
def call(one: End, other: End) -> Iterator[list[int]]:
    """A call over the cards; the process ids of both phones."""
    with _phone(other) as callee:
        _until_says(other, "baresip is ready")
        with _phone(one, "-e", f"/dial sip:box@{other.address}") as caller:
            _until_says(one, "Call established")
            yield [caller.pid, callee.pid]


@contextlib.contextmanager
def _phone(end: End, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    folder = end.folder / "baresip"
    make_home(folder, f"{end.address}:5060", source="alsa,vmic", player="alsa,vspk", alert="alsa,vspk",
              modules=("alsa",))  # fmt: skip
    with _log(end).open("wb") as log:
        process = end.start(
            "baresip", "-f", str(folder), *options, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
        with ending(process):
            yield process


def _log(end: End) -> Path:
    return end.folder / "baresip.log"


def _until_says(end: End, text: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while text not in _log(end).read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"baresip never said {text!r}: {_log(end).read_text(errors='replace')[-500:]}")
        time.sleep(0.05)
