"""When a lost connection of the second generation is tried again, and where (spec: signaling 11)."""

from __future__ import annotations

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.pstream.retries import MOST_SHORT_LIVES, SHORT_LIFE_S, PreferredFirst

A, B, HOME = "wss://a/signal", "wss://b/signal", "wss://home/signal"


class Outage:
    """A policy whose clock the test moves; every try fails at once."""

    def __init__(self, *uris: str, draw: float = 0.5, max_ms: float | None = None, preferred_for_ms: float = 0) -> None:
        self.now = 100.0
        self.retries = PreferredFirst(uris or (A,), max_ms, preferred_for_ms, random=lambda: draw)

    def lose(self) -> None:
        self.retries.lost(self.now, None)

    def next_try(self) -> tuple[int, str]:
        """Wait for the next try: after how many ms, and where."""
        began = self.now
        while True:
            assert self.retries.deadline_s is not None
            self.now = self.retries.deadline_s
            if self.retries.expire(self.now):
                return round((self.now - began) * 1000), self.retries.uri

    def tries(self, number: int) -> list[tuple[int, str]]:
        made = []
        for _ in range(number):
            self.lose()
            made.append(self.next_try())
        return made


def test_without_a_preference_the_delays_double_up_to_twenty_seconds():
    assert [delay for delay, _uri in Outage().tries(10)] == [
        100, 200, 400, 800, 1600, 3200, 6400, 12800, 20_000, 20_000
    ]  # fmt: skip


@pytest.mark.parametrize(("draw", "delays"), [(0, [60, 120, 240]), (0.999_999, [139, 279, 559])])
def test_jitter_goes_to_both_sides(draw, delays):
    assert [delay for delay, _uri in Outage(draw=draw).tries(3)] == delays


@pytest.mark.parametrize("draw", [0, 0.5, 0.999_999])
def test_jitter_does_not_go_beyond_the_cap(draw):
    outage = Outage(draw=draw, max_ms=3_000)
    assert max(delay for delay, _uri in outage.tries(20)) <= 3_000


@pytest.mark.parametrize(("draw", "first_ms"), [(0, 600), (0.5, 3_000), (0.999_999, 6_999)])
def test_with_several_addresses_phones_do_not_change_all_at_once(draw, first_ms):
    assert Outage(A, B, draw=draw).tries(1) == [(first_ms, A)]


def test_an_address_that_is_no_good_makes_way_for_the_next():
    outage = Outage(A, B)
    outage.retries.advance()
    assert outage.retries.uri == B
    outage.retries.advance()
    assert outage.retries.uri == A


def test_the_preferred_address_is_tried_quickly_as_long_as_a_call_waits():
    outage = Outage(preferred_for_ms=5_000)
    outage.retries.prefer(HOME)

    tried = outage.tries(9)

    assert [uri for _delay, uri in tried[:7]] == [HOME] * 7
    assert [delay for delay, _uri in tried[:7]] == [100, 200, 400, 800, 1000, 1000, 1000]
    assert tried[7:] == [(1000 + 100, A), (200, A)]  # the wait that came too late, and the first of the patient ones


def test_without_a_time_to_wait_the_preferred_address_loses_its_first_place_at_once():
    outage = Outage(B)
    outage.retries.prefer(HOME)

    assert outage.tries(2) == [(100 + 100, B), (200, B)]


def test_an_open_connection_ends_the_outage_and_keeps_the_preference():
    outage = Outage(preferred_for_ms=10_000)
    outage.retries.prefer(HOME)
    outage.tries(4)

    outage.retries.opened()
    assert outage.retries.deadline_s is None
    outage.now += 3600

    assert outage.tries(2) == [(100, HOME), (200, HOME)]


def test_a_preference_that_is_given_up_while_it_waits_leads_to_the_addresses_in_turn():
    outage = Outage(preferred_for_ms=10_000)
    outage.retries.prefer(HOME)
    outage.lose()
    outage.retries.prefer(None)

    assert outage.next_try() == (100 + 100, A)


def test_the_server_may_ask_for_patience_before_the_first_try_at_the_preferred_address():
    outage = Outage(preferred_for_ms=1_000)
    outage.retries.prefer(HOME)
    outage.retries.hold_off(7)

    assert outage.tries(5) == [(7_000, HOME), (14_000, HOME), (28_000, HOME), (56_000 + 100, A), (200, A)]


def test_no_server_can_send_a_phone_to_sleep():
    outage = Outage(preferred_for_ms=1_000)
    outage.retries.prefer(HOME)
    outage.retries.hold_off(10**9)

    assert outage.tries(2) == [(60_000, HOME), (60_000 + 100, A)]


def test_the_server_s_wish_holds_for_one_outage_and_for_the_preferred_address_only():
    without = Outage()
    without.retries.hold_off(7)
    assert without.tries(1) == [(100, A)]

    outage = Outage(preferred_for_ms=10_000)
    outage.retries.prefer(HOME)
    outage.retries.hold_off(7)
    outage.tries(1)
    outage.retries.opened()
    assert outage.tries(1) == [(100, HOME)]


def test_nothing_is_tried_after_the_end():
    outage = Outage()
    outage.lose()
    outage.retries.cancel()
    assert outage.retries.deadline_s is None
    assert not outage.retries.expire(outage.now + 3600)


def test_delays_stay_finite_in_an_outage_of_years():
    outage = Outage()
    for _ in range(5_000):
        outage.lose()
        outage.next_try()
    assert outage.tries(1) == [(20_000, A)]


def test_no_address_is_no_connection():
    with pytest.raises(InvalidArgumentError):
        PreferredFirst(())


def drop(outage: Outage, after_s: float) -> float:
    """A connection that opens and is lost so soon; the wait for the next try."""
    outage.retries.opened()
    outage.now += after_s
    outage.retries.lost(outage.now, after_s)
    return outage.next_try()[0]


def test_a_server_that_drops_each_connection_at_once_is_asked_less_and_less_often():
    outage = Outage()

    delays = [drop(outage, after_s=0.05) for _ in range(MOST_SHORT_LIVES + 6)]

    assert delays == [100, 100, 100, 200, 400, 800, 1600, 3200, 6400]


@pytest.mark.parametrize("lived_s", [SHORT_LIFE_S, 3600.0])
def test_a_connection_that_lasts_ends_the_suspicion(lived_s: float):
    outage = Outage()
    for _ in range(10):
        drop(outage, after_s=0.0)

    assert drop(outage, after_s=lived_s) == 100
    assert [drop(outage, after_s=0.0) for _ in range(MOST_SHORT_LIVES)] == [100] * MOST_SHORT_LIVES


def test_addresses_that_do_not_answer_in_between_are_part_of_the_same_outage():
    outage = Outage()
    for _ in range(MOST_SHORT_LIVES):
        drop(outage, after_s=0.0)

    assert drop(outage, after_s=0.0) == 200
    assert [delay for delay, _uri in outage.tries(2)] == [400, 800]
    assert drop(outage, after_s=0.0) == 1600


def test_a_call_is_not_kept_waiting_by_that():
    outage = Outage(preferred_for_ms=10_000)
    for _ in range(10):
        drop(outage, after_s=0.0)
    outage.retries.prefer(HOME)

    assert [drop(outage, after_s=0.5) for _ in range(10)] == [100] * 10
    assert outage.retries.uri == HOME
