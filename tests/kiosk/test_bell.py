"""The bell and the light last exactly as long as somebody waits, also when the hub or the network stands still."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kiosk.bell_server import CLOSE, ScriptedService, cancel, invite


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ScriptedService]:
    service = ScriptedService(tmp_path)
    yield service
    service.close()


def bells(service: ScriptedService) -> int:
    """How many rings play; one that nobody stops plays for ever."""
    return sum(not tone.done for tone in service.box.sound.mixer._playing[True])


def shows_and_rings(service: ScriptedService) -> tuple[bool, bool]:
    """Whether the light blinks, and whether the bell rings."""
    assert bells(service) <= 1
    return "ringing" in service.box.states, bells(service) == 1


STALLS = [(0.03, 0.15), (0.0, 0.6), (0.1, 0.05), (0.0, 0.0)]  # seconds between messages, and of a busy hub
stalled = pytest.mark.parametrize(("gap_s", "busy_s"), STALLS)

OVER: dict[str, list[Any]] = {
    "cancelled": [invite(), cancel()],
    "closed": [invite(), CLOSE],
    "cancelled and closed": [invite(), cancel(), CLOSE],
    "two of them cancelled": [invite("CA1"), invite("CA2"), cancel("CA2"), cancel("CA1")],
    "two of them closed": [invite("CA1"), invite("CA2"), cancel("CA1"), CLOSE],
    "called twice under one name": [invite(), invite(), cancel()],
    "cancelled and called and cancelled": [invite("CA1"), cancel("CA1"), invite("CA2"), cancel("CA2")],
    "cancelled before it came": [cancel(), invite(), cancel()],
}

WAITING: dict[str, list[Any]] = {
    "one": [invite()],
    "one of two": [invite("CA1"), invite("CA2"), cancel("CA1")],
    "the second after the first": [invite("CA1"), cancel("CA1"), invite("CA2")],
    "another one was cancelled": [invite("CA1"), cancel("CA2")],
}


@stalled
@pytest.mark.parametrize("messages", OVER.values(), ids=OVER.keys())
def test_nothing_rings_for_calls_that_are_over(
    service: ScriptedService, messages: list[Any], gap_s: float, busy_s: float
) -> None:
    service.burst(*messages, gap_s=gap_s, busy_s=busy_s)
    service.settle()

    assert shows_and_rings(service) == (False, False)
    assert service.box.kiosk.lines.waiting.lines == []


@stalled
@pytest.mark.parametrize("messages", WAITING.values(), ids=WAITING.keys())
def test_it_rings_for_a_call_that_waits(
    service: ScriptedService, messages: list[Any], gap_s: float, busy_s: float
) -> None:
    service.burst(*messages, gap_s=gap_s, busy_s=busy_s)
    service.settle()

    assert shows_and_rings(service) == (True, True)


@stalled
def test_a_network_that_breaks_takes_the_call_with_it(service: ScriptedService, gap_s: float, busy_s: float) -> None:
    service.burst(invite(), gap_s=gap_s, busy_s=busy_s)
    service.abort()
    service.settle()

    assert shows_and_rings(service) == (False, False)


@pytest.mark.parametrize("button", ["reject", "ignore", "hangup", "quiet"])
@pytest.mark.parametrize("messages", WAITING.values(), ids=WAITING.keys())
def test_a_button_silences_whatever_rings(service: ScriptedService, messages: list[Any], button: str) -> None:
    service.burst(*messages, gap_s=0.03, busy_s=0.15)
    service.settle()

    service.box.act(button)
    service.settle()

    assert shows_and_rings(service) == (False, False)


@pytest.mark.parametrize("end", ["accept", "only"])
def test_a_call_that_cannot_be_taken_rings_no_more(service: ScriptedService, end: str) -> None:
    service.burst(invite(), gap_s=0, busy_s=0)
    service.settle()

    service.box.act(end)
    service.box.until_told("disconnect")  # what it offers is no description of a session
    service.settle()

    assert shows_and_rings(service) == (False, False)


def test_the_next_call_rings_again(service: ScriptedService) -> None:
    service.burst(invite("CA1"), cancel("CA1"), gap_s=0.03, busy_s=0.15)
    service.settle()

    service.burst(invite("CA2"), gap_s=0, busy_s=0)
    service.settle()

    assert shows_and_rings(service) == (True, True)


@pytest.mark.parametrize(("end", "outcome"), [
    pytest.param(lambda service: service.box.kiosk.device.disconnect_all(), "missed", id="its calls are forgotten"),
    pytest.param(lambda service: service.box.kiosk.device.destroy(), "rejected", id="it is destroyed"),
])  # fmt: skip
def test_calls_that_the_device_drops_without_a_word_ring_no_more(
    service: ScriptedService, end: Callable[[ScriptedService], None], outcome: str
) -> None:
    service.burst(invite("CA1"), invite("CA2"), gap_s=0, busy_s=0)
    service.settle()

    end(service)
    service.box.until(lambda: bells(service) == 0, "silent")

    assert shows_and_rings(service) == (False, False)
    assert [call["outcome"] for call in service.box.status["recent_calls"]] == [outcome, outcome]


def test_what_the_hub_still_owes_to_a_box_that_stopped_is_not_done(service: ScriptedService) -> None:
    service.burst(invite(), gap_s=0, busy_s=0.1)
    service.box.close()
    kiosk = service.box.kiosk

    kiosk.registrar.admission.source.emit("token", "a.late.token")
    kiosk.panel.restart()
    kiosk.panel.lights.restart()
    service.box.press("call")

    assert kiosk.device.stream is None
    assert bells(service) == 0
    assert not any(told.startswith("action") for told in service.box.story)


def test_callers_decide_neither_how_much_nor_what_is_logged(
    service: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    name = "client:" + "x" * 3_000 + "\nERROR all is lost"
    with caplog.at_level(logging.DEBUG):
        for n in range(40):
            service.say(invite(f"CA{n}", name))
            service.settle()
            service.say(cancel(f"CA{n}"))
            service.settle()

    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert sum(line.startswith("incoming") for line in told) == 1
    assert sum(line.startswith("cancel") for line in told) == 1
    assert not any("x" * 50 in record.getMessage() or "\n" in record.getMessage() for record in caplog.records)


def test_more_callers_than_can_wait_are_logged_once(
    service: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    service.say(*(invite(f"CA{n}") for n in range(60)))
    service.settle()

    assert sum("is dropped" in record.getMessage() for record in caplog.records) == 1
