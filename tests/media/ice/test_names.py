"""Names of ICE servers that are looked up slowly: by a resolver of the test, because this machine's is quick."""

import asyncio
import socket
import threading

import pytest

from agent.media.bridge import LookupThreads
from agent.media.ice.names import look_up, look_up_family
from agent.media.settings import IceServer
from agent.net import kept_answers
from tests.media.peers import WatchedPeer, close, negotiate, run
from tests.media.turn_server import available, coturn, make_certificate

NAME = "slow.example"


class Resolver:
    """Answers for NAME when it is let, with what it is told; all other names are not its business."""

    def __init__(self):
        self.asked = []
        self.gate = threading.Event()
        self.answer = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", 9))]
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host, *terms, **more):
        if host != NAME:
            return self._real(host, *terms, **more)
        self.asked.append(host)
        self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def resolver(monkeypatch):
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    monkeypatch.setattr(kept_answers, "SLOW_S", 0.0)
    yield resolver
    resolver.gate.set()


def with_lookup_threads(story):
    async def whole():
        asyncio.get_running_loop().set_default_executor(LookupThreads())
        await story()

    run(whole())


async def found(address):
    while True:
        try:
            return await look_up(NAME, 9, 0.01) == [(socket.AF_INET, address)]
        except socket.gaierror:
            continue


def test_look_up_that_takes_too_long_says_so_and_its_late_answer_is_kept(resolver):
    async def story():
        for _ in range(3):
            with pytest.raises(socket.gaierror, match=r"no name server answered within 0\.01 s"):
                await look_up(NAME, 9, 0.01)
        resolver.gate.set()
        assert await found(("127.0.0.1", 9))
        resolver.gate.clear()
        assert await look_up(NAME, 9, 0.01) == [(socket.AF_INET, ("127.0.0.1", 9))]
        assert len(resolver.asked) == 1  # who asks again joins the look-up under way

    with_lookup_threads(story)


def test_who_gives_up_leaves_the_look_up_going_for_the_others(resolver):
    async def story():
        first = asyncio.create_task(look_up(NAME, 9))
        second = asyncio.create_task(look_up(NAME, 9))
        await asyncio.sleep(0)
        first.cancel()
        resolver.gate.set()
        assert await second == [(socket.AF_INET, ("127.0.0.1", 9))]

    with_lookup_threads(story)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_failure_is_told_to_everybody_who_waits_and_not_kept(resolver, error):
    async def story():
        resolver.answer = error
        resolver.gate.set()
        outcomes = await asyncio.gather(*(look_up(NAME, 9) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in outcomes] == [socket.gaierror] * 3
        resolver.answer = [(socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 9, 0, 0))]
        assert await look_up_family(NAME, 9, socket.AF_INET6) == "::1"
        with pytest.raises(socket.gaierror, match="no IPv4 address"):
            await look_up_family(NAME, 9, socket.AF_INET)

    with_lookup_threads(story)


def test_address_is_looked_up_by_nobody(resolver):
    async def story():
        assert await look_up("::1", 9) == [(socket.AF_INET6, ("::1", 9, 0, 0))]

    with_lookup_threads(story)
    assert resolver.asked == []


def test_call_is_connected_while_the_name_server_is_silent(resolver):
    async def story():
        servers = (IceServer((f"stun:{NAME}", f"turn:{NAME}", f"turn:{NAME}?transport=tcp"), "box", "secret"),)
        caller, callee = WatchedPeer(ice_servers=servers), WatchedPeer()
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        assert caller.ice_gathering_state == "gathering"
        assert len(resolver.asked) <= 1
        await close(caller, callee)

    with_lookup_threads(story)


@pytest.mark.skipif(not available(), reason="coturn is not installed")
def test_answer_that_comes_after_the_time_of_the_look_up_gives_the_next_call_its_relay(resolver, tmp_path):
    certificate = make_certificate(tmp_path)

    async def story():
        async with coturn(certificate) as server:
            with pytest.raises(socket.gaierror):
                await look_up(NAME, server.port, 0.01)
            resolver.answer = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", server.port))]
            resolver.gate.set()
            peer = WatchedPeer(ice_servers=(server.server(f"turn:{NAME}:{{port}}"),))
            await peer.create_offer()
            await peer.until(lambda peer: any(c.type == "relay" for c in peer.values("candidate")))
            assert len(resolver.asked) == 1
            await close(peer)

    with_lookup_threads(story)
