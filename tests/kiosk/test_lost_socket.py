"""A press while the connection to the service is lost: it becomes a call, or it is told that there is no connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kiosk.stage import BOX, BOX_HZ, UNREACHABLE_HZ, VISITOR_HZ, Box, Phone, Site


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("agent.voice.first_contact", "agent.kiosk.bells"):
        monkeypatch.setattr(f"{module}.WAIT_S", 0.5)


@pytest.mark.usefixtures("impatient")
def test_a_call_out_while_offline_says_so_and_is_not_told_to_be_busy(site: Site, box: Box) -> None:
    site.stop()
    box.until_shows("offline")

    box.press("call")

    box.until_told("call failed 31000: The call cannot start: there is no connection to the service")
    for hz in UNREACHABLE_HZ:
        box.until_hears(hz)
    box.until(lambda: box.states == {"offline"}, "offline and calm")
    assert box.last_call["outcome"] == "failed"


def at_once(_box: Box, _visitor: Phone) -> None:
    pass


def until_lost(box: Box, _visitor: Phone) -> None:
    stream: Any = box.kiosk.device.stream
    box.until(lambda: stream.status != "connected", "lost its socket")


def until_offline(box: Box, _visitor: Phone) -> None:
    box.until_shows("offline")


@pytest.mark.parametrize("wait", [at_once, until_lost, until_offline])
def test_a_press_in_the_moment_in_which_the_socket_is_lost_becomes_a_call(
    site: Site, box: Box, visitor: Phone, wait: Callable[[Box, Phone], None]
) -> None:
    site.cut_socket(BOX)
    wait(box, visitor)

    box.press("call")

    answered(box, visitor)


@pytest.mark.parametrize("told", ["dialling", "ringing"])
def test_a_call_that_nobody_has_answered_yet_begins_anew_when_its_socket_is_lost(
    site: Site, box: Box, visitor: Phone, told: str
) -> None:
    box.press("call")
    box.until_told(told)

    site.cut_socket(BOX)

    box.until_told("dialling", 2)
    answered(box, visitor)
    assert "failed" not in [call["outcome"] for call in box.status["recent_calls"]]


def answered(box: Box, visitor: Phone) -> None:
    """Whoever answers all that rings has sound both ways at last, and nothing was told to have failed."""
    visitor.answer_all()
    box.until_shows("ready", "in_call")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    assert not [told for told in box.story if told.startswith(("call failed", "not possible"))]


def test_whoever_gives_up_while_the_socket_is_lost_calls_nobody(site: Site, box: Box, visitor: Phone) -> None:
    site.stop()
    box.until_shows("offline")
    box.press("call")
    box.until_told("dialling")
    box.act("hangup")

    site.start_again()

    box.until_calm()
    visitor.until_told("ready", 2)
    assert "incoming" not in " ".join(visitor.story)


def test_a_call_that_goes_with_its_socket_after_a_while_says_that_there_is_no_connection(
    site: Site, box: Box, visitor: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.kiosk.bells.WAIT_S", 0.0)
    box.press("call")
    box.until_told("ringing")

    site.cut_socket(BOX)

    box.until_hears(UNREACHABLE_HZ[0])
    box.until_calm()
    assert box.last_call["outcome"] == "failed"
