"""Attacks of strangers and of single members: the honest are served throughout, and nothing grows without end."""

from __future__ import annotations

import asyncio
import gc
import re
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from agent.switchboard import wire
from agent.switchboard.gate import TLS_HANDSHAKE
from agent.switchboard.newcomers import MOST_SPEAKING, MOST_WAITING
from agent.switchboard.server import MOST_SOCKETS
from bench.rig.crowds import Askers, Slow
from bench.rig.ways_in import client_hello, tcp, tls

from .phones import PATIENCE_S, Phone, Site
from .talkers import Talker, until
from .test_floods import UPGRADE, frame, upgraded

Play = Callable[..., None]
COMES_AGAIN_S = 0.5
OFFER = {"sdp": "v=0\r\n", "twilio": {"params": "To=noanswer"}}


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What holds the attackers' sockets until the end of the test."""
    with ExitStack() as stack:
        yield stack


def plain(site: Site, stack: ExitStack) -> socket.socket:
    return stack.enter_context(closing(tcp(site.address.port)()))


def has_ended(sock: socket.socket) -> bool:
    """Whether the switchboard has closed this connection."""
    if not select.select([sock], [], [], 0)[0]:
        return False
    try:
        return sock.recv(1) == b""
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True


async def ended(sockets: list[Any]) -> int:
    return sum([has_ended(sock) for sock in sockets])


async def serves(site: Site, member: Phone) -> None:
    """A client that was there is answered, and another one that comes."""
    assert await member.silent()
    newcomer = await site.ready("newcomer")
    assert await newcomer.silent()
    await newcomer.close()


def test_sockets_that_say_nothing_make_room_and_nobody_is_refused(play: Play, opened: ExitStack) -> None:
    async def story(site: Site) -> None:
        member = await site.ready("alice")
        silent = []
        for _ in range(MOST_WAITING + 50):
            silent.append(plain(site, opened))
            await asyncio.sleep(0)
        await serves(site, member)
        assert await ended(silent[:40]) == 40
        assert await ended(silent[-100:]) == 0

    play(story)


def test_sockets_that_reconnect_whenever_they_are_dropped_keep_nobody_out(play: Play) -> None:
    async def story(site: Site) -> None:
        member = await site.ready("alice")
        attackers = [await asyncio.to_thread(Slow, tcp(site.address.port), TLS_HANDSHAKE, 40, 60) for _ in range(2)]
        for _ in range(3):
            await serves(site, member)
        for attacker in attackers:
            await asyncio.to_thread(stop, attacker)

    play(story)


def stop(attacker: Slow) -> None:
    attacker._stopped.set()
    for thread in attacker._threads:
        thread.join(5)


@pytest.mark.parametrize("opening", [b"", b"GET /signal HTTP/1.1\r\nHost: x\r\n", UPGRADE], ids=["tls", "http", "ws"])
def test_sockets_that_speak_and_show_no_token_make_room(play: Play, opened: ExitStack, opening: bytes) -> None:
    async def story(site: Site) -> None:
        member, connect_tls = await site.ready("alice"), tls(site.address.port, site.address.ca_file)
        strangers = []
        for _ in range(MOST_SPEAKING + 20):
            sock = opened.enter_context(closing(await asyncio.to_thread(connect_tls)))
            sock.sendall(opening)
            strangers.append(sock)
        await serves(site, member)
        for sock in strangers:
            sock.setblocking(False)
        async with asyncio.timeout(PATIENCE_S):
            while not all([gone(sock) for sock in strangers[:15]]):
                await asyncio.sleep(0.05)
        assert not any([gone(sock) for sock in strangers[-15:]])

    play(story)


def gone(sock: socket.socket) -> bool:
    """Whether a connection that may have bytes in it has been closed."""
    try:
        while sock.recv(4096):
            pass
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"\x00", b"\xff" * 100])
def test_what_is_no_tls_ends_at_its_first_byte(play: Play, opened: ExitStack, first: bytes) -> None:
    async def story(site: Site) -> None:
        stranger = plain(site, opened)
        stranger.sendall(first)
        await until(lambda: has_ended(stranger))
        await site.ready("alice")

    play(story)


def ping_until_cut_off(attacker: ssl.SSLSocket) -> None:
    """On a thread of its own: an error of its TLS must not be taken for one of the others'."""
    attacker.settimeout(0.5)
    pings = frame(0x89, b"x" * 125) * 100
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        try:
            attacker.send(pings)
        except TimeoutError:
            continue
        except OSError:
            return


@pytest.mark.parametrize("is_member", [False, True])
def test_pings_whose_answers_are_never_read_end_their_own_connection(
    play: Play, monkeypatch: pytest.MonkeyPatch, is_member: bool
) -> None:
    monkeypatch.setattr(wire, "CONTROLS_PER_S", 1e9)  # of all limits only that of the memory is left
    most = [0]
    lost = wire.Wire.send_data

    def send_data(self: wire.Wire) -> None:
        lost(self)
        most[0] = max(most[0], self.transport.get_write_buffer_size())

    monkeypatch.setattr(wire.Wire, "send_data", send_data)

    async def story(site: Site) -> None:
        member, attacker = await site.ready("alice"), await asyncio.to_thread(upgraded(site))
        if is_member:
            listen = b'{"type":"listen","version":"1.5","payload":{"token":"' + site.mint("mallory").encode() + b'"}}'
            attacker.sendall(frame(0x81, listen))
            await until(lambda: bool(site.switchboard.registry.of("mallory")))
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.to_thread(ping_until_cut_off, attacker)
        attacker.close()
        await serves(site, member)
        assert most[0] < wire.MOST_UNREAD_BYTES + 64 * 1024

    play(story)


@pytest.mark.parametrize("done", [False, True], ids=["begun", "done"])
def test_handshakes_without_end_keep_no_client_out(play: Play, done: bool) -> None:
    async def story(site: Site) -> None:
        port, ca_file = site.address.port, Path(site.address.ca_file)
        connect_as, said = (tls(port, ca_file), b"no HTTP\r\n\r\n") if done else (tcp(port), client_hello())
        member = await site.ready("alice")
        strangers = Askers(connect_as, said, 20)
        try:
            await until(lambda: strangers.asked > 100)
            for _ in range(3):
                await serves(site, member)
        finally:
            await asyncio.to_thread(strangers.end)

    play(story)


def test_one_members_calls_leave_room_for_the_others(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def story(site: Site) -> None:
        mallory, bob, talker = await site.ready("mallory"), await site.ready("bob"), Talker()
        for number in range(200):
            await mallory.send("invite", callsid=f"TJS{number}", **OFFER)
        refused = []
        while len(refused) < 80:
            answer = await mallory.next()
            if answer["type"] == "hangup":
                refused.append(answer["payload"]["error"]["code"])
        assert len(site.switchboard.calls) == 5
        offer = await talker.peer.create_offer()
        await bob.send("invite", callsid="TJS1", sdp=offer, twilio={"params": "To=echo"})
        await bob.expect("ringing")
        answer = await bob.expect("answer")
        await talker.peer.apply_answer(answer["sdp"])
        talker.speak(700)
        assert await talker.hears(700)
        talker.close()

    play(story, frames_per_s=1000)
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) <= 3


def test_a_member_with_many_sockets_takes_no_places_of_others(play: Play) -> None:
    async def story(site: Site) -> None:
        member = await site.ready("alice")
        own = [await site.ready("mallory") for _ in range(MOST_SOCKETS + 5)]
        other = await site.ready("bob")
        assert await own[0].silent() and await own[-1].silent() and await member.silent() and await other.silent()
        assert [client.stays for client in site.switchboard.registry.of("mallory")].count(True) == MOST_SOCKETS
        await own[0].drop()
        await until(lambda: len(site.switchboard.registry.of("mallory")) == MOST_SOCKETS + 4)
        assert site.switchboard.registry.of("mallory")[-1].stays

    play(story, max_clients=MOST_SOCKETS + 2)


def test_strangers_take_no_place_of_a_client(play: Play) -> None:
    async def story(site: Site) -> None:
        for _ in range(5):
            await site.connect()
        await site.ready("alice")
        await site.ready("bob")
        assert (await (await site.connect()).expect("error"))["error"]["code"] == 31503

    play(story, max_clients=2)


def test_whoever_comes_late_to_a_full_switchboard_hears_so_with_its_token(play: Play) -> None:
    async def story(site: Site) -> None:
        early, late = await site.connect(), await site.connect()
        await early.send("listen", token=site.mint("alice"))
        await early.expect("connected")
        await late.send("listen", token=site.mint("bob"))
        await late.expect("connected")
        assert (await late.expect("error"))["error"]["code"] == 31503
        with pytest.raises(ConnectionClosed):
            await late.next()
        await early.send("register", media={"audio": True})
        await early.expect("ready")

    play(story, max_clients=1)


def test_a_process_without_descriptors_says_so_once_and_goes_on_when_they_are_back(tmp_path: Path) -> None:
    async def story() -> None:
        command = (f"ulimit -n 60; exec {sys.executable} -m agent switchboard "
                   f"--listen 127.0.0.1:0 --state-dir {tmp_path}")  # fmt: skip
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=pipe, stderr=pipe)
        assert process.stdout is not None and process.stderr is not None
        async with asyncio.timeout(60):
            said = ""
            while "ready" not in said:
                said += (await process.stdout.readline()).decode()
        found = re.search(r"address\s+127\.0\.0\.1:(\d+)", said)
        assert found is not None
        port = int(found[1])
        with ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(closing(tcp(port)()))
            async with asyncio.timeout(30):
                while "Too many open files" not in (line := (await process.stderr.readline()).decode()):
                    assert line, "it ended"
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        answer = ""
        async with asyncio.timeout(PATIENCE_S):
            while "31204" not in answer:
                with suppress(OSError):  # with the crowd that still leaves it may be dropped, and comes again
                    async with connect(f"wss://127.0.0.1:{port}/signal", ssl=context) as honest:
                        await honest.send('{"type":"listen","version":"1.5","payload":{"token":"x"}}')
                        answer = str(await honest.recv())
                await asyncio.sleep(COMES_AGAIN_S)
        process.terminate()
        _, rest = await process.communicate()
        assert process.returncode == 0
        assert len(rest.splitlines()) < 10 and b"Traceback" not in rest

    asyncio.run(story())


def test_a_stop_in_the_middle_of_everything_leaves_no_task_and_no_word(
    play: Play, opened: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(site: Site) -> None:
        for number in range(20):
            stranger = plain(site, opened)
            if number % 2:
                stranger.sendall(TLS_HANDSHAKE)
        phones = [await site.ready(f"phone {number}") for number in range(8)]
        talkers = [Talker() for _ in phones]
        for number, (phone, talker) in enumerate(zip(phones, talkers, strict=True)):
            to = ("echo", "tone", "noanswer", "phone 0")[number % 4]
            offer = await talker.peer.create_offer()
            await phone.send("invite", callsid="TJS1", sdp=offer, twilio={"params": f"To={to}"})
        await until(lambda: len(site.switchboard.calls) == len(phones))
        await phones[-1].drop()
        assert switchboard_tasks()
        await site.switchboard.stop()
        assert not switchboard_tasks()
        for talker in talkers:
            talker.close()

    play(story)
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []


def switchboard_tasks() -> list[asyncio.Task[Any]]:
    """What of the switchboard still runs."""
    return [task for task in asyncio.all_tasks() if "agent/switchboard" in task.get_coro().cr_code.co_filename]  # type: ignore[union-attr]
