"""The floor below a call's CPU: bare C that does the same work and nothing else, built with this system's compiler."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

from bench.processes import free_port, process, until_says

SOURCE = Path(__file__).parent / "floor.c"
PACKAGES = "gcc libc6-dev libopus-dev libsrtp2-dev"


def build(folder: Path) -> Path | None:
    """Compile it into `folder`; None, after saying so, where compiler or headers are missing."""
    program = folder / "floor"
    compiler = shutil.which("cc")
    words = [compiler or "cc", "-O2", "-o", str(program), str(SOURCE), "-lopus", "-lsrtp2"]
    done = subprocess.run(words, capture_output=True, text=True, check=False) if compiler else None
    if done is None or done.returncode:
        why = done.stderr.strip().splitlines()[0] if done is not None and done.stderr.strip() else "no compiler"
        print(f"the C floor is left out: {why} (needs {PACKAGES})")
        return None
    return program


@contextlib.asynccontextmanager
async def call(program: Path, speech: Path) -> AsyncIterator[tuple[int, list[int]]]:
    """A call between two of them; the first is measured."""
    mine, theirs = free_port(), free_port()
    while theirs == mine:
        theirs = free_port()
    one, other = ((str(program), str(a), str(b), str(speech)) for a, b in ((mine, theirs), (theirs, mine)))
    async with process(*one, stdout=PIPE) as first, process(*other, stdout=PIPE) as second:
        await asyncio.gather(until_says(first, b"heard"), until_says(second, b"heard"))
        yield first.pid, [second.pid]
