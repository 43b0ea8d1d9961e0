"""Which ICE generation is in use, and how long a replaced one is kept."""

import pytest

from agent.media.ice.generations import LINGER_LIMIT_S, LINGER_S, MOST_REPLACED, Generations


class StillGeneration:
    """A generation as far as the bookkeeping looks."""

    def __init__(self, heard_at=None, media_at=None):
        self.heard_at, self.media_at = heard_at, media_at


@pytest.fixture
def generations():
    generations = Generations()
    generations.promote(StillGeneration(heard_at=1.0, media_at=9.9), 0.0)
    return generations


def test_description_is_about_the_pending_generation_while_there_is_one(generations):
    current = generations.current
    assert generations.newest is current
    generations.pending = StillGeneration()
    assert generations.newest is generations.pending and generations.current is current


def test_replaced_generation_goes_when_media_has_moved(generations):
    before, after = generations.current, StillGeneration()
    generations.promote(after, 10.0)
    assert generations.drop_expired(10.0 + LINGER_S + 0.1) == []
    after.media_at = 10.5
    assert generations.drop_expired(10.0 + LINGER_S - 0.1) == []
    assert generations.drop_expired(10.0 + LINGER_S + 0.1) == [before]
    assert generations.drop_expired(20.0) == []


def test_replaced_generation_stays_while_media_arrives_on_it(generations):
    before, after = generations.current, StillGeneration(media_at=11.0)
    generations.promote(after, 10.0)
    before.media_at = 99.0
    assert generations.drop_expired(100.0) == []
    assert list(generations.receiving) == [after, before]


def test_quiet_generation_goes_in_the_end_though_nothing_moved(generations):
    before = generations.current
    generations.promote(StillGeneration(), 10.0)
    assert generations.drop_expired(10.0 + LINGER_LIMIT_S - 1) == []
    assert generations.drop_expired(10.0 + LINGER_LIMIT_S + 1) == [before]


def test_not_more_than_a_few_are_kept(generations):
    first = generations.current
    for n in range(MOST_REPLACED + 1):
        generations.promote(StillGeneration(media_at=10.0), 10.0 + n / 100)
    assert first in generations.drop_expired(10.1)
    assert len(list(generations.receiving)) == 1 + MOST_REPLACED


def test_latest_news_of_any_receiving_generation_counts(generations):
    generations.promote(StillGeneration(heard_at=0.5), 10.0)
    assert generations.heard_at == 1.0


def test_all_are_handed_back_at_the_end(generations):
    generations.pending = StillGeneration()
    assert len(generations.clear()) == 2
    assert generations.newest is None and list(generations.receiving) == []
