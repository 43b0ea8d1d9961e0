"""An offer that went to several: all of them know our credentials, and only the one whose answer is taken is heard."""

import asyncio
import re

import pytest
from aioice import stun

from agent.media.dtls.aiortc_adapter import Dtls, new_certificate
from bench.rig import junk
from tests.media.peers import WatchedPeer, close, run
from tests.media.test_moved import talk


class Kept(list):
    """A path on which nothing leaves."""

    def send(self, data):
        self.append(data)
        return True


def check(offer, name="fork"):
    """What a fork sends to see whether there is a way to who made this offer."""
    ufrag, password = (re.search(rf"a=ice-{what}:(\S+)", offer)[1] for what in ("ufrag", "pwd"))
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes.update({"USERNAME": f"{ufrag}:{name}", "PRIORITY": 1_000, "ICE-CONTROLLED": 1})
    request.add_message_integrity(password.encode())
    return bytes(request)


def hello():
    """The first flight of a client that has nothing wrong with it."""
    path = Kept()
    Dtls(path, new_certificate()).begin(True)
    return list(path)


async def until_answered(peer):
    """Wait until a check was taken."""
    while not any(socket.verified for socket in peer._ice.newest.host_sockets):
        await asyncio.sleep(0.01)


def attempts(peer):
    """How often a peer has begun the handshake."""
    return peer._secure._associations._current._attempts


@pytest.mark.parametrize("forks", [1, 3])
def test_those_whose_answer_is_not_taken_disturb_no_handshake(forks):
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = await caller.create_offer()
        for n in range(forks):
            async with junk.Stranger() as fork:
                fork.send([check(offer, f"fork{n}")], caller)
                await until_answered(caller)
                fork.send(hello(), caller)
                await asyncio.sleep(0.05)  # they are read before the answer is
                if n < forks - 1:
                    continue
                answer = await callee.answer_offer(offer)
                fork.send([*hello(), check(offer)], caller)
                await caller.apply_answer(answer)
                for _ in range(20):
                    fork.send([check(offer, f"fork{n}"), *hello()], caller)
                    await asyncio.sleep(0)
                await talk(caller, callee)
        # An engine has one attempt: with the hello of another one it breaks off, and does not begin anew.
        assert [attempts(peer) for peer in (caller, callee)] == [1, 1]
        assert caller.values("dtls_state") == ["connecting", "connected"]
        used = {far.port for _, far in caller.values("selected_pair")}
        assert used and used <= {port for _, port in junk.addresses(answer)}
        await close(caller, callee)

    run(story())


def test_who_asks_before_his_answer_is_here_is_heard_at_once_when_it_comes():
    async def story():
        caller = WatchedPeer()
        offer = await caller.create_offer()
        async with junk.Stranger() as far:
            far.send([check(offer, "far")], caller)
            await until_answered(caller)
            generation = caller._ice.newest
            generation.meet("far", "password")
            assert any(socket.verified for socket in generation.host_sockets)
            generation.meet("another", "password")  # only what was asked before counts
        async with junk.Stranger() as fork:
            before = [len(socket.verified) for socket in generation.host_sockets]
            fork.send([check(offer, "fork")], caller)
            await asyncio.sleep(0.05)
            assert [len(socket.verified) for socket in generation.host_sockets] == before
        await close(caller)

    run(story())
