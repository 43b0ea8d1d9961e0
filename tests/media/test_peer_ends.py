"""A call may end in the middle of any step of its media: nothing is opened afterwards, and nothing stays open."""

import asyncio
from pathlib import Path

import pytest

from agent.errors import InvalidStateError
from agent.media.settings import MediaSettings
from agent.switchboard.media_leg import MediaLeg
from tests.media.peers import WatchedPeer, connected_pair, run


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def all_done() -> None:
    """Wait until no other task is left."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(tasks, timeout=10)


@pytest.mark.parametrize("step", ["offer", "answer"])
@pytest.mark.parametrize("after_turns", range(12))
def test_an_end_in_the_middle_of_a_description_leaves_no_socket(step, after_turns):
    async def story():
        far = WatchedPeer()
        offer = await far.create_offer()
        far.close()
        await all_done()
        before = descriptors()

        peer = WatchedPeer()
        work = asyncio.create_task(peer.create_offer() if step == "offer" else peer.answer_offer(offer))
        await turns(after_turns)
        peer.close()
        outcome = (await asyncio.gather(work, return_exceptions=True))[0]
        await all_done()

        assert isinstance(outcome, str | InvalidStateError)
        assert descriptors() <= before  # what earlier tests left may go meanwhile

    run(story())


@pytest.mark.parametrize("after_turns", range(8))
def test_an_end_in_the_middle_of_a_move_leaves_no_socket(after_turns):
    async def story():
        before = descriptors()
        caller, callee = await connected_pair()
        caller.migrate()
        await turns(after_turns)
        for peer in (caller, callee):
            peer.close()
        await all_done()

        assert descriptors() <= before

    run(story())


def test_digits_that_wait_for_others_end_with_their_leg():
    async def story():
        leg = MediaLeg(MediaSettings(), lambda alive: None, lambda: None)
        await leg.offer(("opus",))
        leg.kept.heard(0.0)  # digits for a client that is not there would be kept
        leg.play_digits("123456")
        first = leg._player
        leg.play_digits("789")
        second = leg._player
        await turns(3)

        await leg.close()
        await asyncio.wait([first, second], timeout=10)

        assert (first.cancelled(), second.cancelled()) == (True, True)
        await all_done()

    run(story())
