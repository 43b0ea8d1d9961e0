"""How long a client of the switchboard waits while strangers, or a single member, try to keep it out.

    python -m bench.crowded_switchboard [--seconds 10] [--root DIR] [--only NAME]

The client comes over a new connection twice a second: TLS, its token, its registration, a call that rings. What is told
is the median and the longest of its waits, and how often it got nothing, from the same address as the strangers.
`--root` measures another copy of the program.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from agent.switchboard.runner import mint_for
from bench.rig.crowds import Askers, Held
from bench.rig.floods import Flood
from bench.rig.served import cells, print_table, waits
from bench.rig.ways_in import Connect, client_hello, tcp, tls
from bench.starvation import apart

PATIENCE_S = 30.0
DESCRIPTORS = 1024  # as a service has them
UPGRADE = (b"GET /signal HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")  # fmt: skip
HELLO = b"\x16\x03\x01"


def frame(first: int, data: bytes = b"") -> bytes:
    """A client's frame, under a mask of zeros."""
    head = bytes([first, 0x80 | len(data)]) if len(data) < 126 else bytes([first, 0xFE]) + len(data).to_bytes(2, "big")
    return head + bytes(4) + data


def said(message_type: str, **payload: Any) -> str:
    """A message of signaling."""
    return json.dumps({"type": message_type, "version": "1.5", "payload": payload})


def upgraded(port: int, ca_file: Path, *, opening: bytes = b"") -> Connect:
    """Connect, become a WebSocket, and send frames."""

    def go() -> socket.socket:
        sock = tls(port, ca_file)()
        sock.sendall(UPGRADE)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := sock.recv(4096)):
            answer += more
        sock.sendall(opening)
        return sock

    return go


def calls(count: int) -> bytes:
    """Frames that begin so many calls."""
    invites = (said("invite", callsid=f"TJS{n}", sdp="v=0\r\n", twilio={"params": "To=noanswer"}) for n in range(count))
    return b"".join(frame(0x81, invite.encode()) for invite in invites)


def attacks(port: int, folder: Path) -> dict[str, Callable[[], object]]:
    """What is tried, by name."""
    ca_file = folder / "ca.pem"
    listen = frame(0x81, said("listen", token=mint_for(str(folder), "mallory", 3600)).encode())
    open_socket, open_member = upgraded(port, ca_file), upgraded(port, ca_file, opening=listen)
    pings = frame(0x89, b"x" * 125)
    return {
        "nobody": lambda: None,
        "100 that say nothing": lambda: Held(tcp(port), b"", 100, 600),
        "1000 that say nothing": lambda: Held(tcp(port), b"", 1000, 600),
        "200 in the middle of TLS": lambda: Held(tcp(port), HELLO, 200, 600),
        "TLS begun again and again": lambda: Askers(tcp(port), client_hello(), 50, 600),
        "TLS done again and again": lambda: Askers(tls(port, ca_file), b"no HTTP\r\n\r\n", 50, 600),
        "100 without a token": lambda: Held(open_socket, b"", 100, 600),
        "pings, no token": lambda: Flood(open_socket, pings, longest_s=600, again=True),
        "pings, of a member": lambda: Flood(open_member, pings, longest_s=600, again=True),
        "pings that nobody reads": lambda: Held(open_socket, pings * 100_000, 4, 600),
        "a member's binary frames": lambda: Flood(open_member, frame(0x82, b"x"), longest_s=600, again=True),
        "a member's beats": lambda: Flood(open_member, frame(0x81, b"\n"), longest_s=600, again=True),
        "a member's 20 calls": lambda: Held(open_member, calls(20), 1, 600),
        "a member's invites": lambda: Flood(open_member, calls(1), longest_s=600, again=True),
        "a member's 100 sockets": lambda: Held(open_member, b"", 100, 600),
    }


def attack(name: str, port: int, folder: Path) -> None:
    """Attack until killed."""
    going_on = attacks(port, folder)[name]()
    threading.Event().wait()
    del going_on


@contextmanager
def switchboard(root: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run one until the block ends; its log goes to a file in the folder."""
    where = ("--listen", "127.0.0.1:0", "--state-dir", str(folder))
    words = f'ulimit -n {DESCRIPTORS}; exec "$@"'
    command = ("sh", "-c", words, "sh", sys.executable, "-m", "agent", "switchboard", *where)
    environ = {**os.environ, "PYTHONPATH": str(root)}
    with (folder / "log").open("wb") as journal:
        process = subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=journal)
    try:
        assert process.stdout is not None
        told = "".join(iter(lambda: process.stdout.readline().decode(), "ready\n"))
        found = re.search(r"address\s+\S+:(\d+)", told)
        assert found is not None
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()


async def ask(port: int, context: ssl.SSLContext, token: str) -> float | None:
    """The seconds until a client is registered and its call rings, or None when it is refused."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            client = await connect(f"wss://127.0.0.1:{port}/signal", ssl=context, close_timeout=1)
            await client.send(said("listen", token=token))
            await client.send(said("register", media={"audio": True}))
            await client.send(said("invite", callsid="TJS1", sdp="v=0\r\n", twilio={"params": "To=noanswer"}))
            told = [await _next(client), await _next(client), await _next(client)]
            waited_s = time.monotonic() - began
            await client.send(said("hangup", callsid="TJS1"))
            await client.close()
            return waited_s if told == ["connected", "ready", "ringing"] else None
    except (OSError, WebSocketException):
        return None


async def _next(client: ClientConnection) -> str:
    text = "\n"
    while text == "\n":
        text = str(await client.recv())
    return str(json.loads(text)["type"])


def measure(root: Path, name: str, seconds: float) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as place, switchboard(root, Path(place)) as (process, port):
        folder = Path(place)
        context, token = ssl.create_default_context(cafile=folder / "ca.pem"), mint_for(place, "honest", 3600)
        with apart(attack, name, port, folder):
            found = waits(lambda: asyncio.run(ask(port, context, token)), seconds)
        status = Path(f"/proc/{process.pid}/status").read_text()
        memory_mb = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
        log_kb = (folder / "log").stat().st_size / 1024
    return f"| {name} | {cells(found)} | {memory_mb:.0f} MB | {log_kb:.0f} kB |"


def main() -> None:
    """Print a table."""
    head = "| strangers | client waits, median | longest | not served | most memory | log |"
    print_table(__doc__, head, attacks(0, Path(tempfile.mkdtemp())), measure)


if __name__ == "__main__":
    main()
