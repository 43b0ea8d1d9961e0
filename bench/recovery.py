"""How soon a call is heard again after its network changed or was gone, with the whole agent and the switchboard.

    python -m bench.recovery [--changes 10] [--blackouts 5] [--restarts 10]

Box, router and switchboard live in network namespaces. An address change takes the box from one interface to another,
new address, new route, old one gone at once; a blackout is a router that swallows every packet for 5 s. The box says a
tone to `echo`, so what it hears proves both directions. Measured is the time from the change (from the end of the
blackout) to the tone's return; 0 when it never stopped.

Two things must not be heard at all: that the box restarts ICE on a healthy path (`reinvite`), and that the switchboard
restarts its signaling (SIGHUP). Measured is the longest silence from then until the new path, or the new socket, has
been in use for a while. A hole of less than 0.2 s is concealed and not silent, so lost packets are counted, too; the
echo sends back what it missed as missing. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from bench.rig.board import Board
from bench.rig.netns import NETWORKS, Network

CALL_WITHIN_S = 30.0
SETTLE_S = 3.0
WATCH_S = 6.0
BLACKOUT_S = 5.0
GAP_S = 0.03  # a shorter silence is an artefact of the tone's level meter
ONSET_S = 1.0  # concealment and the playout buffer hide the beginning of an outage
AFTER_RESTART_S = 3.0
MUST_MS, AIM_MS = {"address change": 1_000, "blackout": 500}, {"address change": 300, "blackout": 100}
WORST = {"gap (ms)": GAP_S * 1000, "packets lost": 0.0}  # of a restart, which must not be heard


class Box:
    """The box's process and what it has said so far."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: list[tuple[float, str]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, what = json.loads(line)
            self.said.append((at, what))

    def wait_for(self, what: str, since: float = 0.0) -> str:
        """Wait until it says something that begins with `what`; return that."""
        until = time.monotonic() + CALL_WITHIN_S
        while time.monotonic() < until:
            for at, said in self.said[:]:
                if said.startswith(what) and at > since:
                    return said
            time.sleep(0.01)
        raise TimeoutError(f"the box never said {what!r}; it said {self.said[-10:]}")

    def heard_again_ms(self, since: float) -> float:
        """When the silence that began before, or soon after, `since` had ended; 0 when there was none."""
        silent_at, again = None, 0.0
        for at, what in self.said:
            if what == "silent":
                silent_at = at
            elif what == "heard" and silent_at is not None:
                if silent_at < since + ONSET_S and at > since and at - silent_at > GAP_S:
                    again = at - since
                silent_at = None
        lasting = silent_at is not None and silent_at < since + ONSET_S
        return float("inf") if lasting else again * 1000

    def longest_gap_ms(self, since: float) -> float:
        """The longest silence after `since`; 0 when there was none."""
        gaps, silent_at = [0.0], None
        for at, what in [*self.said, (time.monotonic(), "heard")]:
            if what == "silent":
                silent_at = at
            elif what == "heard" and silent_at is not None:
                gaps.append(at - silent_at if at > since else 0.0)
                silent_at = None
        return max(gaps) * 1000

    def restart_ice(self) -> None:
        """Offer an ICE restart, though nothing is wrong."""
        self._tell("restart")

    def packets_lost(self) -> int:
        """How many packets were lost so far, there and back."""
        since = time.monotonic()
        self._tell("count")
        return int(self.wait_for("lost", since).split()[1])

    def _tell(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the call and the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def far_board(network: Network, folder: Path) -> Board:
    """Prepare a switchboard at the far end."""
    return Board(folder / "switchboard", f"{NETWORKS['far']}.2", around=network.command("far"))


def change_addresses(network: Network, box: Box, times: int) -> list[float]:
    """Move the box between its interfaces."""
    found, here, there = [], "wlan", "eth"
    for _ in range(times):
        time.sleep(SETTLE_S)
        since = time.monotonic()
        network.plug(there)
        network.unplug(here)
        time.sleep(WATCH_S)
        found.append(box.heard_again_ms(since))
        here, there = there, here
    return found


def black_out(network: Network, box: Box, device: str, times: int) -> list[float]:
    """Swallow every packet both ways for a while."""
    found = []
    for _ in range(times):
        time.sleep(SETTLE_S)
        network.block(device, "far")
        time.sleep(BLACKOUT_S)
        since = time.monotonic()
        network.unblock(device, "far")
        time.sleep(WATCH_S)
        found.append(box.heard_again_ms(since))
    return found


def restart(box: Box, begin: Callable[[], None], done: str, times: int) -> tuple[list[float], list[float]]:
    """Restart something below a healthy call, until the box says `done`: the gaps, and the packets lost."""
    gaps, lost = [], []
    for _ in range(times):
        time.sleep(SETTLE_S)
        before, since = box.packets_lost(), time.monotonic()
        begin()
        box.wait_for(done, since)
        time.sleep(AFTER_RESTART_S)
        gaps.append(box.longest_gap_ms(since))
        lost.append(float(box.packets_lost() - before))
    return gaps, lost


def measure(changes: int, blackouts: int, restarts: int) -> dict[str, list[float]]:
    """One call that goes through all of it."""
    network = Network()
    try:
        with tempfile.TemporaryDirectory() as name, closing(far_board(network, Path(name))) as far:
            far.start()
            where = (far.address, str(far.ca_file), far.token("box"))
            box = Box(network.command("box", sys.executable, "-m", "bench.box", *where))
            try:
                box.wait_for("accept")
                box.wait_for("heard")
                hang_up = partial(far.send, signal.SIGHUP)
                restarted = {"peer restart": (box.restart_ice, "path"), "switchboard restart": (hang_up, "connected")}
                found = {"blackout": black_out(network, box, "wlan", blackouts)}
                found = {"address change": change_addresses(network, box, changes), **found}
                for name, (begin, done) in restarted.items():
                    figures = restart(box, begin, done, restarts)
                    found |= {f"{name}: {what}": row for what, row in zip(WORST, figures, strict=True)}
                return {name: sorted(row) for name, row in found.items() if row}
            finally:
                box.close()
    finally:
        network.close()


def verdict(name: str, p95: float, worst: float) -> str:
    """A row's share of the last line."""
    if (limit := WORST.get(name.partition(": ")[2])) is not None:
        return f"{name} at most {worst:.0f}, {'kept' if worst <= limit else 'MISSED'} (limit {limit:.0f})"
    return f"{name} p95 {p95:.0f} ms, {p95 / MUST_MS[name]:.2f} x the limit (aim {AIM_MS[name]} ms)"


def main() -> None:
    """Print the table, and one last line with the ratios to what must be reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--blackouts", type=int, default=5)
    parser.add_argument("--restarts", type=int, default=10)
    args = parser.parse_args()
    if os.geteuid():
        parser.error("network namespaces need root")
    parts = []
    print(f"{'until heard again, ms':33} {'p50':>8} {'p95':>8} {'worst':>8} {'runs':>5}")
    for name, found in measure(args.changes, args.blackouts, args.restarts).items():
        p95 = found[min(len(found) - 1, int(0.95 * len(found)))]
        print(f"{name:33} {statistics.median(found):8.0f} {p95:8.0f} {found[-1]:8.0f} {len(found):5}")
        parts.append(verdict(name, p95, found[-1]))
    print("recovery: " + "; ".join(parts))


if __name__ == "__main__":
    main()
