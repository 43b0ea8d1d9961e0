"""The switchboard as the hub sees it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.sync.client import connect

from agent.errors import LocalFault
from agent.media.bridge import Bridge
from agent.switchboard.runner import RunningSwitchboard, mint_for, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.ways_in import tls


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


def settings(folder: Path, port: int = 0) -> SwitchboardSettings:
    return SwitchboardSettings(listen_port=port, state_dir=str(folder))


def says_connected(running: RunningSwitchboard, token: str) -> bool:
    context = ssl.create_default_context(cafile=running.ca_file)
    with connect(f"wss://{running.host}:{running.port}/signal", ssl=context, ping_interval=None) as socket:
        socket.send(json.dumps({"type": "listen", "version": "1.5", "payload": {"token": token}}))
        return bool(json.loads(socket.recv(timeout=10))["type"] == "connected")


def test_it_runs_until_it_is_closed(bridge: Bridge, tmp_path: Path) -> None:
    running = start_switchboard(bridge, settings(tmp_path))
    assert says_connected(running, running.mint("alice"))
    running.close()
    running.close()
    with pytest.raises(OSError):
        asyncio.run(asyncio.open_connection(running.host, running.port))


def test_a_token_may_be_made_without_the_running_switchboard(bridge: Bridge, tmp_path: Path) -> None:
    token = mint_for(str(tmp_path), "alice", 60)
    running = start_switchboard(bridge, settings(tmp_path))
    assert says_connected(running, token)
    running.close()


def test_a_restarted_switchboard_accepts_the_tokens_it_made_before(bridge: Bridge, tmp_path: Path) -> None:
    first = start_switchboard(bridge, settings(tmp_path))
    token, ca = first.mint("alice"), first.ca_file.read_bytes()
    first.close()
    second = start_switchboard(bridge, settings(tmp_path, first.port))
    assert says_connected(second, token)
    assert second.ca_file.read_bytes() == ca
    second.close()


def test_what_prevents_the_start_reaches_the_hub(bridge: Bridge, tmp_path: Path) -> None:
    running = start_switchboard(bridge, settings(tmp_path / "first"))
    with pytest.raises(LocalFault, match="another port"):
        start_switchboard(bridge, settings(tmp_path / "second", running.port))
    running.close()


@pytest.mark.parametrize("said", [b"", b"GET /signal HTTP/1.1\r\nHost: "])
def test_whoever_has_not_said_who_it_is_loses_its_connection_with_the_end(
    bridge: Bridge, tmp_path: Path, said: bytes
) -> None:
    running = start_switchboard(bridge, settings(tmp_path))
    with tls(running.port, running.ca_file)() as silent:
        silent.sendall(said)
        running.close()

        silent.settimeout(5)  # its own time for a request would end after ten
        with suppress(ConnectionResetError, ssl.SSLError):
            assert silent.recv(100) == b""


def test_closing_after_the_bridge_is_no_error(bridge: Bridge, tmp_path: Path) -> None:
    running = start_switchboard(bridge, settings(tmp_path))
    bridge.close()
    running.close()
