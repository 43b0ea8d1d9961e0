"""What is dialled to a client arrives once, whenever its path is lost."""

from __future__ import annotations

import struct

import pytest

from agent.switchboard.kept_digits import CERTAIN_S, MOST_KEPT, KeptDigits


class Sent:
    """Events of one stream, and which of them were passed on."""

    def __init__(self, kept: KeptDigits) -> None:
        self._kept = kept
        self._number = 0
        self.passed = ""

    def dial(self, digit: str, now: float, *, is_free: bool = True, packets: int = 3) -> None:
        """A few packets of one event."""
        start = round(now * 8000)
        for n in range(packets):
            self._number += 1
            payload = struct.pack("!BBH", int(digit), 0, 160 * n)
            passes = self._kept.passes(payload, start, self._number, now + n * 0.02, is_free=is_free)
            self.passed += digit if passes and n == 0 else ""
            assert passes == (self.passed[-1:] == digit)


@pytest.fixture
def kept() -> KeptDigits:
    return KeptDigits()


@pytest.fixture
def sent(kept: KeptDigits) -> Sent:
    return Sent(kept)


def test_what_is_dialled_to_a_client_that_is_there_is_passed_on_and_not_kept(kept: KeptDigits, sent: Sent) -> None:
    kept.heard(0.0)
    sent.dial("1", 1.0)
    kept.heard(1.0 + 2 * CERTAIN_S)
    kept.lost()
    kept.heard(9.0)

    assert (sent.passed, kept.take()) == ("1", "")


def test_what_is_dialled_before_a_client_is_there_waits_for_it(kept: KeptDigits, sent: Sent) -> None:
    sent.dial("1", 1.0)
    sent.dial("2", 2.0)
    assert (sent.passed, kept.take()) == ("", "")

    kept.heard(3.0)

    assert (kept.take(), kept.take()) == ("12", "")


def test_what_cannot_have_arrived_is_sent_again_before_what_came_after_it(kept: KeptDigits, sent: Sent) -> None:
    kept.heard(0.0)
    sent.dial("1", 1.0)
    kept.lost()
    sent.dial("2", 2.0)
    kept.keep("3")
    kept.heard(3.0)

    assert (sent.passed, kept.take()) == ("1", "123")


def test_an_event_that_began_without_a_client_is_not_passed_on_in_its_middle(kept: KeptDigits) -> None:
    first, later = (struct.pack("!BBH", 5, 0, duration) for duration in (160, 320))
    assert not kept.passes(first, 800, 1, 1.0, is_free=True)
    kept.heard(1.0)

    assert not kept.passes(later, 800, 2, 1.02, is_free=True)
    assert kept.take() == "5"


def test_what_is_dialled_while_other_digits_are_sent_follows_them(kept: KeptDigits, sent: Sent) -> None:
    kept.heard(0.0)
    sent.dial("4", 1.0, is_free=False)

    assert (sent.passed, kept.take()) == ("", "4")


def test_no_more_is_kept_than_somebody_would_dial(kept: KeptDigits, sent: Sent) -> None:
    kept.keep("1" * 2 * MOST_KEPT)
    for n in range(MOST_KEPT):
        sent.dial("2", 1.0 + n)
    kept.heard(999.0)

    assert kept.take() == "1" * MOST_KEPT
