"""What a resting box costs while somebody looks at its page, beside what it costs before and afterwards.

    python -m bench.viewer [--seconds 30] [--rounds 3]

A box of `bench.idle`, without a sound card, is watched in turn: nobody looks; one viewer does, who takes the events of
its page as a browser does; nobody looks any more. Only the box is counted.
"""

from __future__ import annotations

import argparse
import base64
import statistics
from pathlib import Path
from urllib.parse import urlsplit

import gevent
import gevent.socket

from agent.closing import Closing
from agent.service.control_client import ControlClient
from bench.idle import HERE, Rest, RestingBox, resting_box

NOBODY, VIEWER, AFTERWARDS = "nobody", "one viewer", "afterwards"
MUST = {VIEWER: 2.0, AFTERWARDS: 0.1}  # percent of a core, above a box at which nobody looks
PIECE_BYTES = 64 * 1024
LEAVES_S = 12.0  # until the box has missed a viewer that has gone: it tells each something once in 10 s


class Viewer(Closing):
    """Takes what a page tells as it happens, and counts it."""

    def __init__(self, box: RestingBox) -> None:
        with ControlClient(str(box.control_socket)) as client:
            page = client.request("status")["page"]
        place, password = urlsplit(page["url"]), Path(page["key_file"]).read_text().strip()
        credentials = base64.b64encode(f":{password}".encode()).decode()
        self.events = 0
        self._socket = gevent.socket.create_connection((place.hostname, place.port))
        self._socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n"
                             "\r\n".encode())  # fmt: skip
        self._greenlet = gevent.spawn(self._take)

    def close(self) -> None:
        """Look no longer."""
        self._greenlet.kill()
        self._socket.close()

    def _take(self) -> None:
        while piece := self._socket.recv(PIECE_BYTES):
            self.events += piece.count(b"data: ")


def watch(box: RestingBox, seconds: float) -> dict[str, Rest]:
    """Watch a box in each situation; RuntimeError where its page tells nothing."""
    found = {NOBODY: box.watch(seconds)}
    with Viewer(box) as viewer:
        found[VIEWER] = box.watch(seconds)
    if not viewer.events:
        raise RuntimeError("the page told its viewer nothing")
    gevent.sleep(LEAVES_S)
    found[AFTERWARDS] = box.watch(seconds)
    return found


def report(rounds: list[dict[str, Rest]]) -> None:
    """Print the table, and one last line."""
    figures: dict[str, float] = {}
    print(f"{'':12} {'CPU %':>8} {'wake-ups/s':>11} {'foreign CPU %':>14}")
    for situation in (NOBODY, VIEWER, AFTERWARDS):
        rests = [one[situation] for one in rounds]
        figures[situation] = statistics.median(100 * sum(rest.cpu.values()) for rest in rests)
        wakes = statistics.median(sum(rest.wakes.values()) for rest in rests)
        foreign = 100 * max(rest.foreign_cpu for rest in rests)
        print(f"{situation:12} {figures[situation]:8.3f} {wakes:11.2f} {foreign:14.1f}")
    print("viewer: " + ", ".join(f"{name} {figures[name] - figures[NOBODY]:+.2f} % of a core (must be <= {most:+g})"
                                 for name, most in MUST.items()))  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rounds = []
    for _ in range(args.rounds):
        with resting_box(HERE, "none") as box:
            rounds.append(watch(box, args.seconds))
    report(rounds)


if __name__ == "__main__":
    main()
