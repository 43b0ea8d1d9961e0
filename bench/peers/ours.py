"""This program at both ends."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.stage import End, ending

START_LIMIT_S = 30.0
HERE = Path(__file__).parents[2]
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

    def hear(self) -> Any:
        """The next value."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_LIMIT_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError("an end of ours did not connect")
        return json.loads(line)


class Phones(list[int]):
    """The process ids of both phones."""

    def __init__(self, ends: tuple[Endpoint, Endpoint]) -> None:
        super().__init__(end.process.pid for end in ends)
        self._hearer = ends[1]

    def figures(self) -> dict[str, float]:
        """What the second one says of what it has heard so far."""
        self._hearer.tell("figures")
        return dict(self._hearer.hear())


@contextlib.contextmanager
def call(
    one: End,
    other: End,
    *,
    processing: bool,
    options: tuple[str, ...] = (),
    taps: tuple[Path, ...] = (),
    checkout: Path | None = None,
) -> Iterator[Phones]:
    """A call over the cards, of the program in another `checkout`, if that is given.

    Its ends write to `taps` what bench.taps notes.
    """
    sound = () if processing else PLAIN
    ends = (one, "offer"), (other, "answer")
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(_program(checkout)) if checkout else None
        first, second = (
            stack.enter_context(_endpoint(end, role, (*sound, *options, *_tapped(taps[number : number + 1])), program))
            for number, (end, role) in enumerate(ends)
        )
        second.tell(first.hear())
        first.tell(second.hear())
        for endpoint in (first, second):
            endpoint.hear()
        yield Phones((first, second))


def _tapped(files: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(word for file in files for word in ("--taps", str(file)))


@contextlib.contextmanager
def _program(checkout: Path) -> Iterator[Path]:
    """A folder with the program of that checkout, and these benchmarks."""
    with tempfile.TemporaryDirectory() as name:
        for room, owner in (("agent", checkout), ("hw", checkout), ("bench", HERE)):
            (Path(name) / room).symlink_to(owner.resolve() / room)
        yield Path(name)


@contextlib.contextmanager
def _endpoint(end: End, role: str, options: tuple[str, ...], program: Path | None) -> Iterator[Endpoint]:
    folder = program or HERE
    words = ("env", f"PYTHONPATH={folder}", sys.executable, "-m", "bench.endpoint", role, "vmic", "vspk", "--cards")
    log = (end.folder / "ours.log").open("ab")
    process = end.start(*words, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=folder)
    with log, ending(process):
        yield Endpoint(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
