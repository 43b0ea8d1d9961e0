"""The door's relay in its guard's hands: real processes, stopped and killed; the line is a file that is read."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hw.errors import PinError
from hw.panel import guarded_pin
from hw.panel.guarded_pin import GuardedPin
from hw.panel.relay_guard import RelayWiring

ROOT = Path(__file__).parents[3]
ON_A_FILE = (sys.executable, str(Path(__file__).with_name("guard_of_a_file.py")))

HOLDER = """
import sys, threading
from hw.panel.door_relay import DoorRelay
from hw.panel.guarded_pin import GuardedPin
from hw.panel.relay_guard import RelayWiring
from hw.panel.settings import RelaySettings

class Pins:
    def relay(self, number, *, active_low, silence_s, longest_s):
        wiring = RelayWiring(sys.argv[1], number, active_low, silence_s, longest_s)
        return GuardedPin(wiring, command=sys.argv[2:])

relay = DoorRelay(RelaySettings(pin=22, open_ms=1000), Pins())
for _line in sys.stdin:
    relay.pulse()
    print("open", flush=True)
"""


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return tmp_path / "line"


@pytest.fixture
def pin(line: Path) -> Iterator[GuardedPin]:
    with GuardedPin(wiring(line), command=ON_A_FILE) as guarded:
        yield guarded


def wiring(line: Path, *, active_low: bool = False, silence_s: float = 30.0) -> RelayWiring:
    return RelayWiring(str(line), 22, active_low, silence_s, 60.0)


def level(line: Path) -> str:
    return line.read_text()


def wait(what: str, happened: Callable[[], bool], timeout_s: float = 20.0) -> None:
    ends = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < ends, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.01)


def guard_of(guarded: GuardedPin) -> subprocess.Popen[bytes]:
    assert guarded._guard is not None and guarded._guard._process is not None
    return guarded._guard._process


def test_the_guard_does_as_it_is_told(pin: GuardedPin, line: Path) -> None:
    assert level(line) == "0"
    pin.set(1.0)
    assert level(line) == "1"
    pin.set(0.0)
    assert level(line) == "0"


def test_an_active_low_relay_rests_high(line: Path) -> None:
    with GuardedPin(wiring(line, active_low=True), command=ON_A_FILE) as guarded:
        assert level(line) == "1"
        guarded.set(1.0)
        assert level(line) == "0"
    assert level(line) == "1"


def test_silence_lets_go(line: Path) -> None:
    with GuardedPin(wiring(line, silence_s=0.2), command=ON_A_FILE) as guarded:
        guarded.set(1.0)
        wait("the guard lets go", lambda: level(line) == "0")
        guarded.set(1.0)  # and is there for the next visitor


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL, signal.SIGSEGV], ids=lambda one: one.name)
def test_a_program_that_stops_or_dies_holds_no_door(line: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", HOLDER, str(line), *ON_A_FILE]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        try:
            holder.stdin.write("\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "open\n"
            assert level(line) == "1"

            holder.send_signal(number)

            wait("the door is closed", lambda: level(line) == "0")
        finally:
            holder.kill()
            holder.stdin.close()


def test_a_guard_that_dies_is_replaced_and_the_door_is_closed(pin: GuardedPin, line: Path) -> None:
    pin.set(1.0)
    first = guard_of(pin)
    first.kill()
    wait("another guard is there", lambda: pin._guard is not None and guard_of(pin) is not first)

    assert level(line) == "0"
    pin.set(1.0)
    assert level(line) == "1"


def test_a_guard_that_stands_still_is_told_and_replaced(pin: GuardedPin, line: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    first = guard_of(pin)
    os.kill(first.pid, signal.SIGSTOP)

    with monkeypatch.context() as impatient, pytest.raises(PinError, match="does not answer"):
        impatient.setattr(guarded_pin, "ANSWER_S", 0.3)
        pin.set(1.0)

    wait("another guard is there", lambda: pin._guard is not None and guard_of(pin) is not first)
    pin.set(1.0)
    assert level(line) == "1"


def test_a_line_that_the_kernel_refuses_is_told_each_time(pin: GuardedPin, line: Path) -> None:
    line.with_name("line.broken").touch()
    with pytest.raises(PinError, match=r"GPIO22 cannot be used: .*Input/output error"):
        pin.set(1.0)


def test_a_line_that_is_taken_is_told_at_once(pin: GuardedPin, line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PinError, match="busy"):
        GuardedPin(wiring(line), command=ON_A_FILE)


def test_a_guard_that_cannot_be_started_is_told(line: Path) -> None:
    with pytest.raises(PinError, match="cannot be started"):
        GuardedPin(wiring(line), command=("/nonexistent",))


def test_a_guard_of_systemd_is_taken_where_it_listens(line: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """`Accept=yes`: one process for each connection, which is its standard input and output."""
    path = tmp_path / "door.socket"
    monkeypatch.setattr(guarded_pin, "SOCKET", path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        started: list[subprocess.Popen[bytes]] = []

        def accept() -> None:
            connection, _peer = listener.accept()
            with connection:
                started.append(subprocess.Popen(ON_A_FILE, stdin=connection, stdout=connection, cwd=ROOT,
                                                env={**os.environ, "PYTHONPATH": str(ROOT)}))  # fmt: skip

        server = threading.Thread(target=accept)
        server.start()
        with GuardedPin(wiring(line), command=("/nonexistent",)) as guarded:
            server.join()
            guarded.set(1.0)
            assert level(line) == "1"
        assert started[0].wait(10) == 0
    assert level(line) == "0"
