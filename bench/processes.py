"""Child processes of the benchmarks: those that talk in lines, and ends of a call of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path


@contextlib.asynccontextmanager
async def process(*command: str, **options: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child that is ended by its process id."""
    child = await asyncio.create_subprocess_exec(*command, **options)  # type: ignore[arg-type]
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


@contextlib.asynccontextmanager
async def endpoint(
    role: str, capture: str | Path, *options: str, environment: dict[str, str] | None = None, folder: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of our ends, of the checkout in `folder`; `options` are those of bench.endpoint."""
    command = (sys.executable, "-m", "bench.endpoint", role, str(capture), *options)
    env = os.environ | (environment or {})
    async with process(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=1 << 20, env=env, cwd=folder) as child:
        yield child


async def tell(child: asyncio.subprocess.Process, value: object) -> None:
    """Send an endpoint one value."""
    assert child.stdin is not None
    child.stdin.write(json.dumps(value).encode() + b"\n")
    await child.stdin.drain()


async def hear(child: asyncio.subprocess.Process) -> str:
    """The next value an endpoint says."""
    assert child.stdout is not None
    return str(json.loads(await asyncio.wait_for(child.stdout.readline(), 60)))


def free_port() -> int:
    """A port for SIP, with the next one free for SIP over TLS."""
    while True:
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError, OverflowError):
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            second.bind(("127.0.0.1", port + 1))
            return port


async def until_says(child: asyncio.subprocess.Process, text: bytes) -> None:
    """Wait for a line with `text`."""
    assert child.stdout is not None
    async with asyncio.timeout(15):
        while text not in (line := await child.stdout.readline()):
            if not line:
                raise RuntimeError(f"it ended before it said {text.decode()!r}")
