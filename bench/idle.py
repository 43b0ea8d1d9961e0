"""What a box costs that waits: CPU, wake-ups by thread, and memory, registered and with everything enabled.

    python -m bench.idle [--seconds 30] [--rounds 3] [--against FOLDER]

Once with a sound card (virtual, through a sound server of its own, which is not counted), once without. `against` is
another checkout, measured in turn with this one. Private memory is what no other program has a part in, and so the
measure where others of Python run. CPU is the scheduler's own count of each thread; wake-ups are the times that a
thread gave up the processor by itself, which a busy machine makes fewer, if anything. Needs PulseAudio.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import gevent

from agent.errors import ControlError
from agent.service.control_client import ControlClient
from bench.measure import PROC, Usage, private_mb, pss_mb, tree
from bench.rig.board import Board
from bench.rig.service import Service
from bench.rig.virtual_cards import VirtualCards, available

HERE = Path(__file__).parents[1]
START_S = 60.0
SETTLE_S = 15.0  # from then until all is imported, and the card at rest
NAME_AFTER_S = 10.0
TRIES = 3
MUST = {"CPU %": 0.2, "wake-ups/s": 5.0, "PSS MB": 60.0}

# Python does not tell the kernel the names of its threads: once they have all begun, this does.
BOX = f"""
import runpy, threading
def tell():
    for thread in threading.enumerate():
        with open(f"/proc/self/task/{{thread.native_id}}/comm", "w") as file:
            file.write(thread.name[:15])
timer = threading.Timer({NAME_AFTER_S}, tell)
timer.daemon = True
timer.start()
runpy.run_module("agent", run_name="__main__", alter_sys=True)
"""
SETTINGS = """
[box]
identity = "box"
pins = "mock"
[signaling]
server = "{server}"
ca_file = "{ca_file}"
insights = "off"
[token]
file = "{folder}/token"
[sound]
{sound}
[buttons.accept]
pin = 17
short = "accept"
[buttons.reject]
pin = 27
short = "hang_up"
[buttons.mute]
pin = 22
short = "mute"
[buttons.call]
pin = 23
short = "call:reception"
[lights.status]
pin = 24
[lights.call]
pin = 25
ringing = "blink 250/250"
[door]
pin = 26
code = "123456"
[page]
listen = "127.0.0.1:0"
[service]
control_socket = "{folder}/run/control.sock"
state_dir = "{folder}/state"
"""
SOUNDS = {
    "card": 'capture = "vmic_box"\nplayback = "vspk_box"',
    "none": 'driver = "none"',
}


@dataclass(frozen=True)
class Rest:
    """One window: CPU and wake-ups of each thread by its name, per second; memory; what else the machine did."""

    cpu: dict[str, float]
    wakes: dict[str, float]
    pss_mb: float
    private_mb: float
    foreign_cpu: float


def threads(root: int) -> Iterator[tuple[int, str, float, int]]:
    """Each thread of a process tree: its number, its name, seconds of CPU, and how often it has slept."""
    for pid in tree(root):
        for task in (PROC / str(pid) / "task").iterdir():
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            on_cpu_ns = int((task / "schedstat").read_text().split()[0])
            yield int(task.name), status["Name"], on_cpu_ns / 1e9, int(status["voluntary_ctxt_switches"])


def look(root: int, seconds: float, ours: list[int]) -> Rest:
    """Watch the process tree of `root` for a while; what `ours` use is not foreign."""
    before, usage, began = {one[0]: one for one in threads(root)}, Usage([root, *ours]), time.monotonic()
    gevent.sleep(seconds)
    lasted, foreign = time.monotonic() - began, usage.foreign_cpu()
    cpu: dict[str, float] = defaultdict(float)
    wakes: dict[str, float] = defaultdict(float)
    for number, name, cpu_s, slept in threads(root):
        _, _, cpu_s_before, slept_before = before.get(number, (0, "", 0.0, 0))
        cpu[name] += (cpu_s - cpu_s_before) / lasted
        wakes[name] += (slept - slept_before) / lasted
    return Rest(dict(cpu), dict(wakes), pss_mb(tree(root)), private_mb(tree(root)), foreign)


def unit_environment(checkout: Path) -> dict[str, str]:
    """Return what the service's unit sets that has no specifier of systemd in it."""
    lines = (checkout / "systemd" / "kiosk-agent.service").read_text().splitlines()
    pairs = [line.removeprefix("Environment=").split("=", 1) for line in lines if line.startswith("Environment=")]
    return {name: value for name, value in pairs if "%" not in value}


class RestingBox(NamedTuple):
    """A box that has come to rest, and what runs for it."""

    service: Service
    others: list[int]
    folder: Path

    @property
    def control_socket(self) -> Path:
        """Where it is asked for its status."""
        return self.folder / "run" / "control.sock"

    def watch(self, seconds: float) -> Rest:
        """Watch it for a while; RuntimeError where it does not rest."""
        rest = look(self.service.pid, seconds, self.others)
        log = (self.folder / "box.log").read_text()
        if self.service.statuses or "cannot" in log:
            raise RuntimeError(f"the box did not rest: {log}")
        return rest


def one_box(checkout: Path, sound: str, seconds: float) -> Rest:
    """Start a box and its surroundings, let it come to rest, and watch it."""
    with resting_box(checkout, sound) as box:
        return box.watch(seconds)


@contextmanager
def resting_box(checkout: Path, sound: str) -> Iterator[RestingBox]:
    """Start a box and its surroundings, and let it come to rest; TimeoutError."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, environ = Path(name), unit_environment(checkout) | {"PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1"}
        if sound == "card":
            (folder / "sound").mkdir()
            cards = VirtualCards(folder / "sound", ("box",))
            stack.callback(cards.close)
            cards.start()
            environ |= cards.environment
        board = Board(folder / "board")
        stack.callback(board.close)
        board.start()
        write_settings(folder, board, sound)
        command = [sys.executable, "-c", BOX, "run", "--config", str(folder / "box.toml")]
        service = Service(command, folder / "box.log", environ)
        stack.callback(service.close)
        service.start()
        box = RestingBox(service, [board.pid, *([cards.pid] if sound == "card" else [])], folder)
        wait_until_ready(box.control_socket)
        gevent.sleep(SETTLE_S)
        yield box


def wait_until_ready(control_socket: Path) -> None:
    """Wait until the box can be called, and has sound; TimeoutError."""
    with gevent.Timeout(START_S, TimeoutError("the box is not ready")):
        while True:
            gevent.sleep(0.5)
            try:
                with ControlClient(str(control_socket)) as client:
                    status = client.request("status", timeout_s=START_S)
            except ControlError:
                continue
            if status["service"]["ready"] and status["sound"]["state"] == "open":
                return


def patiently(checkout: Path, sound: str, seconds: float) -> Rest:
    """Watch one box, and another one where a busy machine was too slow to start the first."""
    for _ in range(TRIES - 1):
        try:
            return one_box(checkout, sound, seconds)
        except TimeoutError as error:
            print(f"again: {error}", flush=True)
    return one_box(checkout, sound, seconds)


def write_settings(folder: Path, board: Board, sound: str) -> None:
    """Write what the box is to do, and a token for it."""
    settings = folder / "box.toml"
    settings.write_text(
        SETTINGS.format(server=board.address, ca_file=board.ca_file, folder=folder, sound=SOUNDS[sound])
    )
    settings.chmod(0o600)
    token = folder / "token"
    token.touch(0o600)
    token.write_text(board.token("box"))


def report(found: dict[tuple[str, str], list[Rest]]) -> None:
    """Print the table, the threads of this checkout, and one last line."""
    print(f"{'':24} {'CPU %':>8} {'wake-ups/s':>11} {'PSS MB':>8} {'private MB':>11} {'foreign CPU %':>14}")
    middle: dict[tuple[str, str], tuple[float, float, float]] = {}
    for (whose, sound), rests in found.items():
        cpu = statistics.median(100 * sum(rest.cpu.values()) for rest in rests)
        wakes = statistics.median(sum(rest.wakes.values()) for rest in rests)
        memory = statistics.median(rest.pss_mb for rest in rests)
        middle[whose, sound] = cpu, wakes, memory
        private = statistics.median(rest.private_mb for rest in rests)
        foreign = max(rest.foreign_cpu for rest in rests) * 100
        print(f"{whose + ', ' + sound:24} {cpu:8.3f} {wakes:11.2f} {memory:8.1f} {private:11.1f} {foreign:14.1f}")
    for sound in dict.fromkeys(sound for _, sound in found):
        rests = found["here", sound]
        for name in sorted({name for rest in rests for name in rest.wakes}):
            cpu = statistics.median(100 * rest.cpu.get(name, 0.0) for rest in rests)
            wakes = statistics.median(rest.wakes.get(name, 0.0) for rest in rests)
            print(f"  {sound:5} {name:16} {cpu:8.3f} {wakes:11.2f}")
    worst = [max(middle[key][n] for key in middle if key[0] == "here") for n in range(3)]
    print("idle: " + ", ".join(f"{value:.2f} {name} (must be <= {MUST[name]:g})"
                               for value, name in zip(worst, MUST, strict=True)))  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout")
    args = parser.parse_args()
    checkouts = {"here": HERE} | ({"against": args.against.resolve()} if args.against else {})
    found: dict[tuple[str, str], list[Rest]] = defaultdict(list)
    for _ in range(args.rounds):
        for sound in [sound for sound in SOUNDS if sound == "none" or available()]:
            for whose, checkout in checkouts.items():
                found[whose, sound].append(rest := patiently(checkout, sound, args.seconds))
                print(f"  {whose}, {sound}: {sum(rest.wakes.values()):.2f} wake-ups/s", flush=True)
    report(found)


if __name__ == "__main__":
    main()
