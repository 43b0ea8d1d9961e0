"""SIGHUP to the switchboard's process: signaling restarts with what the state folder holds, calls go on."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from .process import KEPT, RESTARTED, Process, running_process
from .talkers import Talker, connected_call

Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run an async story against a fresh process; it must end properly afterwards."""

    def run(story: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            async with running_process(tmp_path) as process:
                await story(process)
                assert await process.terminate() == 0

        asyncio.run(main())

    return run


def test_a_call_goes_on_while_its_clients_register_again_and_can_be_hung_up_then(play: Play) -> None:
    async def story(process: Process) -> None:
        alice, bob, first, second = await process.ready("alice"), await process.ready("bob"), Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        first.speak(440)
        second.speak(1000)
        assert await second.hears(440) and await first.hears(1000)
        for _ in range(3):
            await process.hang_up(RESTARTED)
            for phone in (alice, bob):
                with pytest.raises(ConnectionClosed):
                    await phone.next()
            assert await second.hears(440) and await first.hears(1000)
            alice, bob = await process.ready("alice"), await process.ready("bob")
        assert first.peer.stats().packets_lost == second.peer.stats().packets_lost == 0
        await bob.send("hangup", callsid=callee_sid)
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        first.close()
        second.close()

    play(story)


def test_a_renewed_certificate_and_key_are_taken(play: Play) -> None:
    async def story(process: Process) -> None:
        await process.ready("alice")
        before = await process.certificate()
        (process.folder / "server.pem").unlink()
        key = process.folder / "api_key.json"
        key.write_text(json.dumps({**json.loads(key.read_text()), "secret": "x" * 43}))
        await process.hang_up(RESTARTED)
        assert await process.certificate() != before
        await process.ready("alice")

    play(story)


@pytest.mark.parametrize("name", ["server.pem", "authority.pem", "api_key.json"])
def test_a_file_that_cannot_be_used_is_named_and_nothing_changes(play: Play, name: str) -> None:
    async def story(process: Process) -> None:
        alice, before = await process.ready("alice"), await process.certificate()
        file = process.folder / name
        whole = file.read_bytes()
        file.write_bytes(b"torn")
        line = await process.hang_up(KEPT)
        assert "ERROR" in line and name in line
        assert file.read_bytes() == b"torn"
        assert await process.certificate() == before
        assert await alice.silent()
        file.write_bytes(whole)
        await process.hang_up(RESTARTED)
        await process.ready("alice")

    play(story)


def test_a_client_in_the_middle_of_its_handshake_does_not_hold_it_up(play: Play) -> None:
    async def story(process: Process) -> None:
        _, writer = await asyncio.open_connection(process.address.host, process.address.port)
        await process.hang_up(RESTARTED)
        await process.ready("alice")
        writer.close()

    play(story)


def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "agent", "switchboard", "--listen", "127.0.0.1:0", "--state-dir", str(tmp_path))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command)
    said = b""
    while b"ready\r\n" not in said:
        assert select.select([terminal], [], [], 20)[0], said
        said += os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
