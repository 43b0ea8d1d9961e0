"""Which pair is used when the one in use falls silent."""

import asyncio
from itertools import pairwise

import pytest

from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.generations import Generations
from agent.media.ice.pair_selection import NOMINATION_PATIENCE_S, PairSelection
from tests.media.peers import Talker, close, connected_pair, run


class Way:
    """A pair as far as the choice looks."""

    def __init__(self, name):
        self.name = name

    def same(self, other):
        return other is self


class Answering:
    """A generation on which nothing is heard, while its checks are answered on both of its ways."""

    checking_since, heard_at = 0.0, 1.0

    def __init__(self, selection):
        self.valid_pairs = [Way("good"), Way("better")]
        self.now = self.answered_at = 10.0
        self.adopted = []
        self._selection = selection

    def adopt(self, pair):
        """Use it, and look again at once, as the transport does that hears of it."""
        self.adopted.append((self.now, pair.name))
        self._selection.pair = pair
        self._selection.look(self.now)


@pytest.fixture
def selection():
    generations = Generations()
    selection = PairSelection(generations)
    generations.current = Answering(selection)
    selection.pair = generations.current.valid_pairs[0]
    return selection


def test_of_two_ways_that_are_silent_each_has_time_to_show_what_it_does(selection):
    generation = selection._generations.current
    for step in range(20):
        generation.now = generation.answered_at = 10.0 + step / 10
        selection.look(generation.now)

    times = [now for now, _ in generation.adopted]
    assert [name for _, name in generation.adopted][:3] == ["better", "good", "better"]
    assert all(later - before >= NOMINATION_PATIENCE_S - 1e-6 for before, later in pairwise(times))


def test_a_way_that_is_heard_is_kept(selection):
    generation = selection._generations.current
    generation.heard_at = 9.9
    selection.look(10.0)
    assert generation.adopted == []


def test_a_packet_that_waited_in_its_socket_says_nothing_about_now():
    """What came after it was read before it: an answer to a check, for one."""

    async def story():
        caller, callee = await connected_pair()
        talker = Talker(callee)
        await caller.until(lambda peer: len(peer.packets) > 5)
        talker.stop()
        ice = caller._ice
        generation, pair, now = ice.current, ice.pair, asyncio.get_running_loop().time()
        ice.authentic(generation, pair.socket, pair.destination, now)
        ice.authentic(generation, pair.socket, pair.destination, now - 2.0)
        assert (generation.heard_at, generation.media_at) == (now, now)
        await close(caller, callee)

    run(story())


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
