"""A running switchboard to check against, and a STUN and TURN server small enough to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aioice import stun
from aioice.turn import make_integrity_key
from gevent.server import DatagramServer

from agent.media.bridge import Bridge
from agent.signaling.settings import SignalingSettings
from agent.switchboard.server import Switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.ports import unused_port

KEY = make_integrity_key("kiosk", "test", "secret")


class Site(NamedTuple):
    """A switchboard that runs, and settings that lead to it."""

    switchboard: Switchboard
    settings: SignalingSettings


class RelayServer(DatagramServer):  # type: ignore[misc]
    """Answers Binding, and Allocate to user `kiosk` with password `secret` (RFC 8489, RFC 8656)."""

    def handle(self, data: bytes, address: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        answer = stun.Message(request.message_method, stun.Class.RESPONSE, transaction_id=request.transaction_id)
        if request.message_method == stun.Method.BINDING:
            answer.attributes["XOR-MAPPED-ADDRESS"] = address
        elif not request.check_message_integrity(KEY):
            answer.message_class = stun.Class.ERROR
            answer.attributes |= {"ERROR-CODE": (401, "Unauthorized"), "REALM": "test", "NONCE": b"once"}
        else:
            answer.attributes |= {"XOR-RELAYED-ADDRESS": ("127.0.0.9", 49152), "LIFETIME": 600}
            answer.attributes["XOR-MAPPED-ADDRESS"] = address
            answer.add_message_integrity(KEY)
        self.sendto(bytes(answer), address)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def site(bridge: Bridge, tmp_path: Path) -> Iterator[Site]:
    switchboard = Switchboard(SwitchboardSettings(listen_port=0, state_dir=str(tmp_path)))
    address = bridge.run(switchboard.start(), timeout_s=20)
    yield Site(switchboard, SignalingSettings(server=address.server, ca_file=str(address.ca_file)))
    bridge.run(switchboard.stop(), timeout_s=20)


@pytest.fixture
def relay() -> Iterator[Any]:
    server = RelayServer("127.0.0.1:0")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def closed_port() -> int:
    """A port at which nobody listens."""
    return unused_port()
