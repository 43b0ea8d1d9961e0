"""This program at both ends."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.stage import End, ending

START_LIMIT_S = 30.0
PLAIN = ("--sound", 'echo="none"', "--sound", "noise_suppression=false")


class Endpoint:
    """One bench.endpoint process: JSON values in and out, a line each."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def tell(self, value: object) -> None:
        """Send one value."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """The next value."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_LIMIT_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError("an end of ours did not connect")
        return str(json.loads(line))


@contextlib.contextmanager
def call(
    one: End, other: End, *, processing: bool, options: tuple[str, ...] = (), taps: tuple[Path, ...] = ()
) -> Iterator[list[int]]:
    """A call over the cards; the process ids of both phones. Its ends write to `taps` what bench.taps notes."""
    sound = () if processing else PLAIN
    ends = (one, "offer"), (other, "answer")
    with contextlib.ExitStack() as stack:
        first, second = (
            stack.enter_context(_endpoint(end, role, (*sound, *options, *_tapped(taps[number : number + 1]))))
            for number, (end, role) in enumerate(ends)
        )
        second.tell(first.hear())
        first.tell(second.hear())
        for endpoint in (first, second):
            endpoint.hear()
        yield [first.process.pid, second.process.pid]


def _tapped(files: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(word for file in files for word in ("--taps", str(file)))


@contextlib.contextmanager
def _endpoint(end: End, role: str, options: tuple[str, ...]) -> Iterator[Endpoint]:
    words = (sys.executable, "-m", "bench.endpoint", role, "vmic", "vspk", "--cards", *options)
    log = (end.folder / "ours.log").open("ab")
    process = end.start(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    with log, ending(process):
        yield Endpoint(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
