"""How long the page's owner waits while strangers on the same address try to keep him out.

    python -m bench.attacks [--seconds 10] [--root DIR] [--only NAME]

The owner asks for the status twice a second, over a new connection each time and with the right password; what is told
is the median and the longest of his waits, and how often he got nothing. `--root` measures another copy of the program.
"""

from __future__ import annotations

import base64
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.rig.certificate import make_certificate
from bench.rig.crowds import Askers, Slow
from bench.rig.served import cells, print_table, waits
from bench.rig.ways_in import tcp
from bench.starvation import apart, box

PATIENCE_S = 60.0


def basic(password: str) -> bytes:
    """The header that gives a password."""
    return b"Authorization: Basic " + base64.b64encode(f":{password}".encode()) + b"\r\n"


HEAD = b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n"
OWNER = HEAD + basic("correct horse") + b"Connection: close\r\n\r\n"
GUESS = HEAD + basic("wrong horse") + b"\r\n"
FOREIGN = HEAD.replace(b"/status", b"/events") + b"Sec-Fetch-Site: cross-site\r\n\r\n"
ATTACKS: dict[str, tuple[Callable[..., object], bytes, int]] = {
    "nobody": (Askers, b"", 0),
    "48 that say nothing": (Slow, b"", 48),
    "200 with half a request": (Slow, HEAD + b"X-Slow: ", 200),
    "200 that read no answer": (Slow, HEAD + b"\r\n", 200),
    "40 that guess": (Askers, GUESS, 40),
    "40 streams of another site": (Slow, FOREIGN, 40),
}


def attack(kind: Callable[..., object], port: int, words: bytes, count: int) -> None:
    """Attack until killed."""
    kind(tcp(port), words, count, 600.0)
    threading.Event().wait()


def ask(port: int) -> float | None:
    """The seconds until the owner sees the status, or None when he does not."""
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendall(OWNER)
            answer = b"".join(iter(lambda: sock.recv(65_536), b""))
    except OSError:
        return None
    return time.monotonic() - began if answer.startswith(b"HTTP/1.1 200") and b'"identity"' in answer else None


def measure(root: Path, name: str, seconds: float) -> str:
    """One line of the table."""
    kind, words, count = ATTACKS[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_certificate(folder / "ca.pem", folder / "key.pem", ("127.0.0.1",))
        with box(root, folder, 9) as victim:
            port = victim.page_port()
            with apart(attack, kind, port, words, count):
                found = waits(lambda: ask(port), seconds)
            memory_mb = victim.rss_mb()
    return f"| {name} | {cells(found)} | {memory_mb:.0f} MB |"


def main() -> None:
    """Print a table."""
    print_table(__doc__, "| strangers | owner waits, median | longest | not served | most memory |", ATTACKS, measure)


if __name__ == "__main__":
    main()
