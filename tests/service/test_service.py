"""The watchdog is fed by progress only, and signals end the process in an orderly way."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress

import gevent
import pytest

from agent.service.notifier import Notifier
from agent.service.watchdog import Watchdog
from agent.supervision.heartbeat import Heartbeat, Vitals


class HeardNotifier(Notifier):
    """Counts the feeds instead of sending them."""

    def __init__(self) -> None:
        super().__init__({})
        self.feeds = 0

    def watchdog(self) -> None:
        self.feeds += 1


def test_the_watchdog_is_fed_while_everything_makes_progress() -> None:
    notifier, vitals = HeardNotifier(), Vitals()
    vitals.add("media loop", lambda: 0.1, limit_s=5.0)

    assert Watchdog(notifier, vitals, timeout_s=10.0).check()
    assert notifier.feeds == 1


def test_the_watchdog_starves_when_one_part_stands_still(caplog: pytest.LogCaptureFixture) -> None:
    notifier, vitals = HeardNotifier(), Vitals()
    vitals.add("media loop", lambda: 0.1, limit_s=5.0)
    vitals.add("sound", lambda: 9.0, limit_s=5.0)

    assert not Watchdog(notifier, vitals, timeout_s=10.0).check()
    assert notifier.feeds == 0
    assert "sound (9.0 s)" in caplog.text


def test_what_stood_still_for_a_moment_does_not_starve_the_watchdog() -> None:
    notifier, vitals, ages = HeardNotifier(), Vitals(), [9.0]
    vitals.add("media loop", lambda: ages.pop() if ages else 0.1, limit_s=5.0)

    beating = gevent.spawn(Watchdog(notifier, vitals, timeout_s=4 * 3600).run, Heartbeat())
    with gevent.Timeout(10, AssertionError("it was not fed before the hour was over")):
        while not notifier.feeds:
            gevent.sleep(0.01)
    beating.kill()


PROGRAM = """
import gevent, logging
from agent.service.stopping import StopSignals, leave_by
from agent.supervision.supervisor import Supervisor
logging.basicConfig()
supervisor = Supervisor()
def stop(reason):
    print("stopping", reason, flush=True)
    {stop}
signals = StopSignals(stop, within_s={within_s})
supervisor.start()
print("up", flush=True)
supervisor.wait()
print("bye", flush=True)
"""


def program(stop: str, within_s: float = 1.8) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(stop=stop, within_s=within_s)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_program_in_an_orderly_way(number: signal.Signals) -> None:
    process = program("supervisor.stop()")

    process.send_signal(number)
    output, _ = process.communicate(timeout=20)

    assert (output, process.returncode) == (f"stopping {number.name}\nbye\n", 0)


def test_more_interrupts_end_a_stop_that_hangs() -> None:
    process = program("pass", within_s=60.0)

    status = None
    while status is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            status = process.wait(timeout=0.1)

    assert status == 130


def test_one_interrupt_that_arrives_twice_is_one() -> None:
    process = program("gevent.spawn_later(0.5, supervisor.stop)")

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    "hang",
    ["gevent.sleep(600)", "import time; time.sleep(600)", "import logging; logging.getLogger().handlers[0].acquire(); "
     "import time; time.sleep(600)"],
    ids=["a greenlet", "the hub", "the log"],
)  # fmt: skip
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_that_hangs_ends_with_success_at_its_deadline_whatever_it_holds(
    number: signal.Signals, hang: str
) -> None:
    process = program(hang)

    process.send_signal(number)

    assert process.wait(timeout=20) == 0


def test_a_failure_whose_end_hangs_keeps_its_status() -> None:
    process = program("leave_by(0.1, 3); import time; time.sleep(600)")

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=20) == 3
