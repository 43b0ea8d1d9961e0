"""The longest gap between two feeds of the watchdog while one peer floods the box, beside the same without it.

    python -m bench.starvation [--seconds 10] [--root DIR]

The watchdog is fed from the hub, each 50 ms here: what starves the hub shows in the feeds. Then SIGTERM is sent below
the flood. `--root` measures another copy of the program. All traffic is on loopback.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.rig.certificate import make_certificate
from bench.rig.flooding_server import FloodingServer
from bench.rig.floods import Flood
from bench.rig.served import print_table
from bench.rig.ways_in import tcp, unix

WATCHDOG_US = 200_000
PATIENCE_S = 60.0
END_S = 15.0  # the box is killed when SIGTERM is not heard until then
PEERS = 3
SETTINGS = """
[box]
identity = "box"
pins = "mock"
[signaling]
server = "127.0.0.1:{port}"
ca_file = "ca.pem"
[token]
value = "e30.e30.e30"
[sound]
driver = "none"
[page]
listen = "127.0.0.1:0"
password = "correct horse"
[buttons.door]
pin = 17
short = "door"
[door]
pin = 26
[service]
control_socket = "{folder}/run/control.sock"
"""

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"POST /door HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Kiosk-Panel: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
PAGE = {
    "page: pipelined GET, refused": (b"", GET + b"\r\n"),
    "page: tiny chunks": (CHUNKED, b"1\r\nx\r\n"),
    "page: chunk extension": (CHUNKED + b"1", b";x=y"),
    "page: header lines": (GET, b"X-More: and more\r\n"),
}
CONTROL = {"control socket: lines": (b"", b'{"command":"status"}\n')}
SERVICE = {
    "voice service: empty fragments": (b"\x01\x00", b"\x00\x00"),
    "voice service: pings": (b"", b"\x89\x00"),
    "voice service: texts of one byte": (b"", b"\x81\x01x"),
    "voice service: 50 kB of JSON": (b"", b"\x81\x7e" + (50_000).to_bytes(2, "big") + b"[" + b"1," * 24_999 + b"]"),
    "voice service: junk": (b"", b"\xff" * 7),
}


@dataclass
class Box:
    """The box as a process, and when it fed its watchdog."""

    process: subprocess.Popen[str]
    ear: socket.socket
    feeds: list[float] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._read, daemon=True).start()

    def _listen(self) -> None:
        while True:
            if b"WATCHDOG=1" in self.ear.recv(4096):
                self.feeds.append(time.monotonic())

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(iter(self.process.stderr.readline, ""))

    def page_port(self) -> int:
        """Where it serves its page, once it does."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            for line in list(self.log):
                if found := re.search(r"the page is at http://127\.0\.0\.1:(\d+)/", line):
                    return int(found[1])
            time.sleep(0.05)
        raise SystemExit("the box does not serve its page:\n" + "".join(self.log))

    def longest_gap_ms(self, began: float, ended: float) -> float:
        """Between two feeds, or since the last, within a time."""
        feeds = [began, *(at for at in list(self.feeds) if began <= at <= ended), ended]
        return 1000 * max(later - at for at, later in pairwise(feeds))

    def rss_mb(self) -> float:
        """The most memory that it ever had."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


@contextmanager
def box(root: Path, folder: Path, port: int) -> Iterator[Box]:
    """Run one until the block ends."""
    (folder / "box.toml").touch(0o600)
    (folder / "box.toml").write_text(SETTINGS.format(port=port, folder=folder))
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(folder / "notify"))
    environ = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(WATCHDOG_US)}
    command = [sys.executable, "-m", "agent", "run", "--config", str(folder / "box.toml")]
    process = subprocess.Popen(command, cwd=root, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        yield Box(process, ear)
    finally:
        process.kill()
        process.wait()


@contextmanager
def apart(function: object, *arguments: object) -> Iterator[None]:
    """Run a function in a process of its own, so that its work does not blur the clock here."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments, daemon=True)  # type: ignore[attr-defined,arg-type]
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def flood(address: int | Path, opening: bytes, piece: bytes) -> None:
    """Flood a port or a socket in the file system, until killed."""
    connect = tcp(address) if isinstance(address, int) else unix(address)
    floods = [Flood(connect, piece, opening, longest_s=600, again=True) for _ in range(PEERS)]
    for each in floods:
        each.wait()


def serve_flood(folder: Path, listener: socket.socket, opening: bytes, piece: bytes) -> None:
    """Be a voice service that floods, until killed."""
    FloodingServer(folder / "ca.pem", folder / "key.pem", piece, opening, listener=listener)
    threading.Event().wait()


def measure(root: Path, name: str, seconds: float) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as place, socket.socket() as listener:
        folder = Path(place)
        make_certificate(folder / "ca.pem", folder / "key.pem", ("127.0.0.1",))
        listener.bind(("127.0.0.1", 0))
        with box(root, folder, listener.getsockname()[1]) as victim:
            port = victim.page_port()
            time.sleep(2.0)
            quiet = time.monotonic()
            time.sleep(seconds)
            began = time.monotonic()
            if name in SERVICE:
                listener.listen()
                attack = apart(serve_flood, folder, listener, *SERVICE[name])
            elif name in CONTROL:
                attack = apart(flood, folder / "run" / "control.sock", *CONTROL[name])
            else:
                attack = apart(flood, port, *PAGE[name])
            with attack:
                time.sleep(seconds)
                ended = time.monotonic()
                memory_mb = victim.rss_mb()
                end = _end(victim.process)
            gaps = victim.longest_gap_ms(quiet, began), victim.longest_gap_ms(began, ended)
        return f"| {name} | {gaps[0]:.0f} ms | {gaps[1]:.0f} ms | {memory_mb:.0f} MB | {end} |"


def _end(process: subprocess.Popen[str]) -> str:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(END_S)
    except subprocess.TimeoutExpired:
        return f"not within {END_S:g} s"
    return f"{time.monotonic() - began:.1f} s, status {status}"


def main() -> None:
    """Print a table."""
    head = "| attack | longest gap without it | with it | most memory | SIGTERM to exit |"
    print_table(__doc__, head, [*PAGE, *CONTROL, *SERVICE], measure)


if __name__ == "__main__":
    main()
