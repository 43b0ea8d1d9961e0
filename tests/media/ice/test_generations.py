"""Which ICE generation is in use, and how long a replaced one is kept."""

import pytest

from agent.media.ice.generations import LINGER_LIMIT_S, LINGER_S, MOST_REPLACED, Legs


class StillLeg:
    """A leg as far as the bookkeeping looks."""

    def __init__(self, heard_at=None, media_at=None):
        self.heard_at, self.media_at = heard_at, media_at


@pytest.fixture
def legs():
    legs = Legs()
    legs.promote(StillLeg(heard_at=1.0, media_at=9.9), 0.0)
    return legs


def test_description_is_about_the_pending_leg_while_there_is_one(legs):
    current = legs.current
    assert legs.newest is current
    legs.pending = StillLeg()
    assert legs.newest is legs.pending and legs.current is current


def test_replaced_leg_goes_when_media_has_moved(legs):
    before, after = legs.current, StillLeg()
    legs.promote(after, 10.0)
    assert legs.expired(10.0 + LINGER_S + 0.1) == []
    after.media_at = 10.5
    assert legs.expired(10.0 + LINGER_S - 0.1) == []
    assert legs.expired(10.0 + LINGER_S + 0.1) == [before]
    assert legs.expired(20.0) == []


def test_replaced_leg_stays_while_media_arrives_on_it(legs):
    before, after = legs.current, StillLeg(media_at=11.0)
    legs.promote(after, 10.0)
    before.media_at = 99.0
    assert legs.expired(100.0) == []
    assert list(legs.receiving) == [after, before]


def test_quiet_leg_goes_in_the_end_though_nothing_moved(legs):
    before = legs.current
    legs.promote(StillLeg(), 10.0)
    assert legs.expired(10.0 + LINGER_LIMIT_S - 1) == []
    assert legs.expired(10.0 + LINGER_LIMIT_S + 1) == [before]


def test_not_more_than_a_few_are_kept(legs):
    first = legs.current
    for n in range(MOST_REPLACED + 1):
        legs.promote(StillLeg(media_at=10.0), 10.0 + n / 100)
    assert first in legs.expired(10.1)
    assert len(list(legs.receiving)) == 1 + MOST_REPLACED


def test_latest_news_of_any_receiving_leg_counts(legs):
    legs.promote(StillLeg(heard_at=0.5), 10.0)
    assert legs.heard_at == 1.0


def test_all_are_handed_back_at_the_end(legs):
    legs.pending = StillLeg()
    assert len(legs.clear()) == 2
    assert legs.newest is None and list(legs.receiving) == []
