"""What becomes of a call when a process dies in it: 50 kills at random moments, and how soon sound is back.

    python -m bench.survival [--kills 50] [--seed 1]

A box calls a phone through the switchboard, or is called, and is killed (SIGKILL) while it rings, in the call, or while
it comes back from the kill before. As systemd does, the bench starts it again half a second later. Either the call is
back, with sound both ways, or it is over at both sides; nothing may ring or talk on. Figures count from the end of the
old process, the half second included.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import gevent
import gevent.event
from gevent.fileobject import FileObject
from gevent.subprocess import PIPE, Popen

from agent.media.bridge import close_shared_bridge
from agent.voice.connection import Connection
from agent.voice.device import Device
from bench.rig.board import Board
from bench.rig.service import RESTART_S
from bench.rig.tone import is_loud, tone
from hw.sound.wav_sound import WavSound

RINGS_S = 1.5
LIMIT_S = 30.0
MUST_BACK_S, MUST_OVER_S = 3.0, 5.0
TONE_HZ = 600
MOMENTS = ("ringing", "open", "reconnecting")


class Moments:
    """Waits for what happens, on the hub."""

    def __init__(self) -> None:
        self._changed = gevent.event.Event()

    def tell(self) -> None:
        """Note that something happened."""
        self._changed.set()

    def until(self, holds: Callable[[], object], within_s: float = LIMIT_S) -> bool:
        """Wait for a condition; whether it came about."""
        with gevent.Timeout(within_s, False):
            while not holds():
                self._changed.wait(0.05)
                self._changed.clear()
            return True
        return False


class MortalBox:
    """The box, life after life."""

    def __init__(self, command: list[str], moments: Moments) -> None:
        self._command = command
        self._moments = moments
        self._process: Popen | None = None
        self.heard_at: float | None = None  # None: it hears nothing
        self.is_ready = False
        self.calls = 0

    def start(self, *whom: str) -> None:
        """Begin a life."""
        self.heard_at, self.is_ready = None, False
        self._process = Popen([*self._command, *whom], stdout=PIPE)
        gevent.spawn(self._read, self._process)

    def kill(self) -> float:
        """End it without a word; when it was gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.heard_at = None
        return time.monotonic()

    def _read(self, process: Popen) -> None:
        for line in FileObject(process.stdout):
            if process is not self._process:
                return
            at, what = json.loads(line)
            if what in ("heard", "silent"):
                self.heard_at = at if what == "heard" else None
            elif what == "ready":
                self.is_ready = True
            self._moments.tell()


class FarPhone:
    """Who is called, or calls."""

    def __init__(self, server: str, ca_file: Path, token: str, moments: Moments) -> None:
        self._moments = moments
        self._wake = gevent.get_hub().loop.async_()
        self._wake.start(moments.tell)
        self._sound = WavSound(tone(TONE_HZ), self._hear, loop=True)
        self._sound.start()
        self.heard_at: float | None = None
        self.device = Device(token, chunderw=server, ca_file=str(ca_file), sound=self._sound)
        self.calls: list[Connection] = []
        self.device.on("incoming", self._ring)
        self.device.on("ready", lambda _device: moments.tell())

    @property
    def is_idle(self) -> bool:
        """Whether nothing rings here, and nobody talks."""
        return all(call.status() == "closed" for call in self.calls)

    def call(self, whom: str) -> None:
        """Call somebody."""
        self._follow(self.device.connect({"To": whom}))

    def end(self) -> None:
        """Hang up."""
        self.device.disconnect_all()

    def close(self) -> None:
        """End everything."""
        self.device.destroy()
        self._sound.close()
        close_shared_bridge()

    def _ring(self, call: Connection) -> None:
        self._follow(call)
        gevent.spawn_later(RINGS_S, call.accept)

    def _follow(self, call: Connection) -> None:
        self.calls = [known for known in self.calls if known.status() != "closed"] + [call]
        for event in ("accept", "disconnect", "cancel"):
            call.on(event, lambda *_args: self._moments.tell())

    def _hear(self, frame: bytes) -> None:
        hears = is_loud(frame)
        if hears != (self.heard_at is not None):
            self.heard_at = time.monotonic() if hears else None
            self._wake.send()


@dataclass(frozen=True)
class Outcome:
    """What became of one call, and after how long."""

    moment: str
    what: str  # back, over, or what is wrong
    after_s: float


class Site:
    """A switchboard, a far phone and the box."""

    def __init__(self, folder: Path, board: Board, dice: random.Random) -> None:
        self._moments = Moments()
        self._dice = dice
        server, ca_file = board.address, board.ca_file
        self.far = FarPhone(server, ca_file, board.token("far"), self._moments)
        box = [sys.executable, "-m", "bench.mortal_box", server, str(ca_file), board.token("box")]
        self.box = MortalBox([*box, str(folder / "calls.json")], self._moments)

    def kill_in_a_call(self, moment: str) -> Outcome:
        """Begin a call, end the box in it, and see what becomes of both."""
        called = self._dice.random() < 0.5
        self._begin(called)
        if moment == "ringing":
            gevent.sleep(self._dice.uniform(0.05, RINGS_S if not called else 0.3))
        else:
            if not self._moments.until(self._talks):
                return Outcome(moment, "the call did not come about", LIMIT_S)
            gevent.sleep(self._dice.uniform(0.2, 2.0))
        died_at = self._die()
        if moment == "reconnecting":
            gevent.sleep(self._dice.uniform(0.1, 2.5))
            died_at = self._die()
        outcome = self._watch(moment, died_at)
        self._end()
        return outcome

    def _begin(self, called: bool) -> None:
        if not called:
            self.box.start("far")
            self._moments.until(lambda: self.far.calls and self.far.calls[-1].status() == "pending")
            return
        self.box.start()
        self._moments.until(lambda: self.box.is_ready)
        self.far.call("box")
        self._moments.until(lambda: self.far.calls[-1].status() != "connecting", 2.0)

    def _die(self) -> float:
        died_at = self.box.kill()
        self.far.heard_at = None if self.far.is_idle else self.far.heard_at
        gevent.sleep(RESTART_S)
        self.box.start()
        return died_at

    def _talks(self) -> bool:
        return self.box.heard_at is not None and self.far.heard_at is not None

    def _watch(self, moment: str, died_at: float) -> Outcome:
        """Back is sound both ways from after the death; over is silence and rest."""

        def back() -> bool:
            box, far = self.box.heard_at, self.far.heard_at
            return box is not None and far is not None and far > died_at

        settled = self._moments.until(lambda: back() or (self.box.is_ready and self.far.is_idle))
        after_s = time.monotonic() - died_at
        if not settled:
            return Outcome(moment, "neither back nor over", after_s)
        if back():
            heard_at = max(self.box.heard_at or 0.0, self.far.heard_at or 0.0)
            return Outcome(moment, "back", heard_at - died_at)
        return Outcome(moment, "over", after_s)

    def _end(self) -> None:
        self.far.end()
        self._moments.until(lambda: self.far.is_idle, 5.0)
        gevent.sleep(0.3)  # for the box to hear of it
        self.box.kill()
        self.far.heard_at = None


def report(outcomes: list[Outcome]) -> bool:
    """Print the table; whether nothing is wrong."""
    wrong = [outcome for outcome in outcomes if outcome.what not in ("back", "over")]
    for moment in MOMENTS:
        for what in ("back", "over"):
            took = sorted(each.after_s for each in outcomes if (each.moment, each.what) == (moment, what))
            if took:
                p95 = took[min(len(took) - 1, int(0.95 * len(took)))]
                middle = statistics.median(took)
                figures = f"p50 {middle:5.2f} s  p95 {p95:5.2f} s  max {took[-1]:5.2f} s"
                print(f"{moment:13} {what:5} {len(took):3}  {figures}")
    for outcome in wrong:
        print(f"{outcome.moment:13} {outcome.what} after {outcome.after_s:.2f} s")
    slow = [each for each in outcomes if each.after_s > (MUST_BACK_S if each.what == "back" else MUST_OVER_S)]
    print(f"{len(outcomes)} kills, {len(wrong)} wrong, {len(slow)} slower than {MUST_BACK_S:g} s back or"
          f" {MUST_OVER_S:g} s over")  # fmt: skip
    return not wrong and not slow


def main() -> int:
    """Kill, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name, closing(Board(Path(name) / "switchboard")) as board:
        board.start()
        site = Site(Path(name), board, dice)
        outcomes = []
        for number in range(options.kills):
            outcomes.append(site.kill_in_a_call(MOMENTS[number % len(MOMENTS)]))
            print(f"{number + 1:3} {outcomes[-1]}", flush=True)
        site.far.close()
    return 0 if report(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
