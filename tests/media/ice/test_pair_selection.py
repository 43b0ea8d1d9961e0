"""Which of several pairs is used while none of them is heard."""

from agent.media.ice.generations import Generations
from agent.media.ice.pair_selection import NOMINATION_PATIENCE_S, PairSelection


class Way:
    """A pair as far as the selection looks."""

    def same(self, other):
        return other is self


class EagerGeneration:
    """A generation whose pairs all answer; whoever adopts one of them looks again at once, as the transport does."""

    def __init__(self, selection, now):
        self.valid_pairs = [Way(), Way()]
        self.adopted = []
        self.checking_since, self.answered_at, self.heard_at = now - 10, now, None
        self._selection = selection

    def adopt(self, pair):
        self.adopted.append(pair)
        self._selection.pair = pair
        self._selection.look(self.answered_at)


def test_of_two_pairs_that_answer_and_are_not_heard_each_is_given_its_time():
    generations, now = Generations(), 1000.0
    selection = PairSelection(generations)
    generations.current = generation = EagerGeneration(selection, now)
    one, other = generation.valid_pairs
    for pair in (one, other, one):
        generation.adopted.clear()
        selection.look(now)
        selection.look(now + NOMINATION_PATIENCE_S / 2)
        assert generation.adopted == [pair]
        now += NOMINATION_PATIENCE_S
        generation.answered_at = now
