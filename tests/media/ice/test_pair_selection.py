"""Which pair is taken although nobody nominated it, and that late packets take none."""

import pytest

from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.generations import Generations
from agent.media.ice.pair_selection import NOMINATION_PATIENCE_S, PairSelection
from tests.media.peers import run


class NamedPair:
    def __init__(self, name):
        self.name = name

    def same(self, other):
        return other is self


class CheckedGeneration:
    """A generation that has two pairs which work, and tells the owner at once when one is adopted."""

    def __init__(self, heard_at, answered_at):
        self.heard_at, self.answered_at, self.checking_since = heard_at, answered_at, 0.0
        self.valid_pairs = [NamedPair("direct"), NamedPair("relayed")]
        self.adopted = []
        self.on_change = lambda pair: None

    def adopt(self, pair):
        self.adopted.append(pair.name)
        self.on_change(pair)

    def retry_checks(self):
        pass


@pytest.fixture
def generations():
    return Generations()


@pytest.fixture
def selection(generations):
    return PairSelection(generations)


def test_a_pair_of_the_generation_to_come_is_taken_once(generations, selection):
    new = generations.pending = CheckedGeneration(heard_at=9.9, answered_at=9.9)

    def use(pair):
        if generations.pending is not None:
            generations.promote(new, 10.0)
        selection.pair = pair
        selection.look(10.0 + NOMINATION_PATIENCE_S)

    new.on_change = use
    selection.look(10.0)
    assert new.adopted == ["direct"]


def test_the_current_generation_changes_pairs_by_nomination_only(generations, selection):
    """Its answers may be newer than what was heard, if that was counted as of an earlier time."""
    current = generations.current = CheckedGeneration(heard_at=9.0, answered_at=9.9)
    selection.look(10.0)
    assert current.adopted == []


def test_media_that_waited_in_the_kernel_makes_nothing_older():
    async def story():
        generation = Generation(True, lambda *packet: None, lambda generation: None, relay_only=False)
        generation.note_media(10.0)
        generation.heard_at = generation.answered_at = 12.0  # a check was answered meanwhile
        generation.note_media(11.0)
        assert (generation.heard_at, generation.media_at) == (12.0, 11.0)
        generation.note_media(10.5)
        assert generation.media_at == 11.0

    run(story())
