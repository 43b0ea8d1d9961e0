"""A socket that is read when somebody is awake anyway, and by itself whenever that fails; over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

from agent.media.ice.collector import FLOOD_S, MOST_AT_ONCE, OVERDUE_S, Collector
from agent.media.ice.datagrams import DatagramTransport


class Reader:
    """Keeps what it read, and lets a test wait for it."""

    def __init__(self) -> None:
        self.read = list[bytes]()
        self.lost = asyncio.Event()
        self.more = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def error_received(self, exc: Exception) -> None:
        self.error = exc

    def take(self, opened: socket.socket, most: int) -> int:
        for taken in range(most):
            try:
                self.read.append(opened.recv(2_048))
            except OSError:
                return taken
            self.more.set()
        return most


def told(story: Callable[[Reader, DatagramTransport, Callable[..., None]], Coroutine[Any, Any, None]]) -> None:
    """Run a story with a socket of ours, and a way to send to it."""

    async def run() -> None:
        reader = Reader()
        with closing(DatagramTransport(reader, "127.0.0.1")) as ours, \
                closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as theirs:  # fmt: skip

            def send(*datagrams: bytes) -> None:
                for datagram in datagrams:
                    theirs.sendto(datagram, ours.get_extra_info("sockname"))

            async with asyncio.timeout(20):
                await story(reader, ours, send)

    asyncio.run(run())


async def turns(loop_turns: int = 5) -> None:
    """Let the loop look at its sockets some times."""
    for _ in range(loop_turns):
        await asyncio.sleep(0)


def test_what_arrives_is_read_at_once_until_somebody_collects():
    async def story(reader, ours, send):
        send(b"one")
        await reader.more.wait()
        collector = Collector()
        collector.collect(ours, 0.0)
        send(b"two", b"three")
        await turns()
        assert reader.read == [b"one"]
        collector.collect(ours, 0.02)
        assert reader.read == [b"one", b"two", b"three"]

    told(story)


def test_what_must_not_wait_is_read_as_it_arrives():
    async def story(reader, ours, send):
        collector = Collector()
        collector.collect(ours, 0.0)
        send(b"one")
        collector.collect(ours, 0.02, may_wait=False)
        assert reader.read == [b"one"]
        reader.more.clear()
        send(b"two")
        await reader.more.wait()
        assert reader.read == [b"one", b"two"]

    told(story)


def test_a_socket_that_nobody_collects_any_more_is_read_at_once_again():
    async def story(reader, ours, send):
        collector = Collector()
        collector.collect(ours, 0.0)
        send(b"late")
        collector.look(OVERDUE_S / 2)
        await turns()
        assert reader.read == []
        collector.look(OVERDUE_S * 2)
        await reader.more.wait()
        assert reader.read == [b"late"]

    told(story)


def test_a_flood_is_read_as_it_comes_and_a_calm_socket_is_collected_again():
    async def story(reader, ours, send):
        collector = Collector()
        collector.collect(ours, 0.0)
        send(*[b"x"] * (MOST_AT_ONCE + 3))
        collector.collect(ours, 0.02)
        while len(reader.read) < MOST_AT_ONCE + 3:
            await turns()
        collector.collect(ours, 0.04)
        reader.more.clear()
        send(b"in the flood")
        await reader.more.wait()
        collector.collect(ours, 0.04 + FLOOD_S)
        send(b"after it")
        await turns()
        assert reader.read[-1] == b"in the flood"
        collector.collect(ours, 0.06 + FLOOD_S)
        assert reader.read[-1] == b"after it"

    told(story)


def test_another_socket_lets_go_of_the_one_before():
    async def story(reader, ours, send):
        collector, other = Collector(), Reader()
        with closing(DatagramTransport(other, "127.0.0.1")) as second:
            collector.collect(ours, 0.0)
            collector.collect(second, 0.02)
            send(b"still heard")
            await reader.more.wait()
            collector.collect(None, 0.04)
            assert reader.read == [b"still heard"]

    told(story)


def test_a_socket_may_close_while_it_is_collected():
    async def story(reader, ours, send):
        collector = Collector()
        collector.collect(ours, 0.0)
        ours.close()
        collector.collect(ours, 0.02)
        collector.look(1.0)
        collector.rest()
        await reader.lost.wait()
        assert ours.is_closing() and ours.fileno() < 0
        ours.sendto(b"to nobody", ("127.0.0.1", 9))
        ours.close()

    told(story)
