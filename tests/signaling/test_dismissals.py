"""When a server that closes connections is one that sends us away."""

from __future__ import annotations

import pytest

from agent.events import Emitter
from agent.signaling.dismissals import LEAST, LEAST_S, OWN_CODES, SOON_S, Dismissals, follow


def dismissed(dismissals: Dismissals, now: float = 0.0, after_s: float = 0.1) -> bool:
    """One connection that is closed before the server has said a word."""
    dismissals.opened(now)
    return dismissals.closed(now + after_s)


def series(dismissals: Dismissals, start: float = 0.0, pause_s: float = LEAST_S / 2) -> list[bool]:
    """As many as prove it."""
    return [dismissed(dismissals, start + n * pause_s) for n in range(LEAST)]


def test_so_many_in_a_row_prove_it_and_so_does_each_that_follows() -> None:
    dismissals = Dismissals()

    assert series(dismissals) == [False] * (LEAST - 1) + [True]
    assert dismissed(dismissals, 100) and dismissed(dismissals, 1000)


def test_many_at_once_are_a_server_that_restarts() -> None:
    dismissals = Dismissals()

    assert not any(dismissed(dismissals, n / 100) for n in range(100))
    assert dismissed(dismissals, LEAST_S)


def test_a_word_of_the_server_forgives_all() -> None:
    dismissals = Dismissals()
    series(dismissals)
    dismissals.opened(20)
    dismissals.heard()

    assert not dismissals.closed(20.1)
    assert dismissals.count == 0
    assert series(dismissals, 30) == [False] * (LEAST - 1) + [True]


def test_the_time_begins_with_the_first_of_those_in_a_row() -> None:
    dismissals = Dismissals()
    dismissed(dismissals)
    dismissals.heard()

    assert not any(dismissed(dismissals, 1000 + n / 10) for n in range(10))


def test_a_server_that_was_silent_for_longer_has_not_sent_us_away() -> None:
    dismissals = Dismissals()
    series(dismissals)

    assert not dismissed(dismissals, 20, after_s=SOON_S + 0.1)
    assert dismissals.count == 0


def test_a_connection_that_never_opened_counts_neither_way() -> None:
    dismissals = Dismissals()
    for n in range(LEAST - 1):
        dismissed(dismissals, n)
    for now in range(100):
        assert not dismissals.closed(now)

    assert dismissed(dismissals, 100)


# --- what streams tell ---


class Told:
    """A stream that a test speaks for, and how often it was proved."""

    def __init__(self) -> None:
        self.stream, self.now, self.proofs = Emitter(), 0.0, 0
        follow(self.stream, Dismissals(), lambda: self.now, self.prove)

    def prove(self) -> None:
        self.proofs += 1

    def connection(self, *words: tuple[str, dict[str, object]], end: str = "transport_close") -> None:
        self.now += LEAST_S / 2
        self.stream.emit("transport_open", {})
        for event, payload in words:
            self.stream.emit(event, payload)
        self.stream.emit(end, {})


@pytest.mark.parametrize("end", ["transport_close", "close"])
def test_both_ways_to_close_count(end: str) -> None:
    told = Told()
    for _ in range(LEAST + 2):
        told.connection(end=end)

    assert told.proofs == 3


@pytest.mark.parametrize(
    "word",
    [("connected", {}), ("ready", {}), ("error", {"error": {"code": 31205}}), ("error", {"error": {"code": None}}),
     ("error", {})],
)  # fmt: skip
def test_a_server_that_speaks_does_not_send_us_away_in_silence(word: tuple[str, dict[str, object]]) -> None:
    told = Told()
    for _ in range(3 * LEAST):
        told.connection(word)

    assert told.proofs == 0


@pytest.mark.parametrize("code", sorted(OWN_CODES))
def test_what_the_stream_says_of_its_own_connection_is_no_word_of_the_server(code: int) -> None:
    told = Told()
    for _ in range(LEAST):
        told.connection(("error", {"error": {"code": code}}))

    assert told.proofs == 1
