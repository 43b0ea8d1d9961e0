"""A voice service that a test plays by hand, over a real WebSocket to one box, and a hub that is busy meanwhile."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent

from agent.config import Config
from agent.mailbox import Mailbox
from agent.signaling.token.token_source import TokenSettings
from tests.conformance.server import Server, Socket
from tests.kiosk.stage import BUTTONS, LIGHTS, Box

CALLER = "client:visitor"


class ScriptedService:
    """Lets the box register; then it says only what the test says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket: Socket | None = None
        self._ended = False  # the connection that the box had
        self._server = Server(folder, self._asked, self._heard)
        self.box = Box(Mailbox(), self._config())
        self.box.kiosk.start()
        self.box.until_shows("ready")

    def say(self, *messages: tuple[str, dict[str, Any]]) -> None:
        """Send messages, each as its own WebSocket frame, all before the hub runs again."""
        assert self.socket is not None
        for type_, payload in messages:
            self._ended |= type_ == "close"
            self.socket.send(json.dumps({"type": type_, "version": "1.5", "payload": payload}))

    def burst(self, *messages: tuple[str, dict[str, Any]], gap_s: float, busy_s: float) -> None:
        """Send messages `gap_s` apart, while the hub is busy until `busy_s` after the first one."""
        end = time.monotonic() + busy_s
        for n, message in enumerate(messages):
            time.sleep(gap_s if n else 0)
            self.say(message)
        time.sleep(max(0.0, end - time.monotonic()))

    def abort(self) -> None:
        """Break the connection."""
        assert self.socket is not None
        self._ended = True
        self.socket.abort()

    def settle(self) -> None:
        """Wait until the box has read everything, and nothing that it began is under way any more."""
        if self._ended:
            self.box.until_told("offline")
        else:
            marks = sum(told.startswith("error") for told in self.box.story)
            self.say(("error", {"error": {"code": 31999, "message": "a mark"}}))
            self.box.until_told("error", marks + 1)
        gevent.get_hub().threadpool.join()
        for _ in range(30):
            gevent.sleep(0)

    def close(self) -> None:
        self.box.close()
        self._server.close()

    def _config(self) -> Config:
        config, folder = Config(), self._folder
        return replace(
            config,
            box=replace(config.box, identity="box", pins="mock"),
            signaling=replace(config.signaling, server=f"127.0.0.1:{self._server.port}",
                              ca_file=str(self._server.ca_file), insights="off"),
            token=TokenSettings(value="a.b.c"),
            sound=replace(config.sound, volume_percent=100),
            buttons=BUTTONS,
            lights=LIGHTS,
            page=replace(config.page, enabled=False),
            service=replace(config.service, control_socket=str(folder / "control.sock")),
        )  # fmt: skip

    def _asked(self, socket: Socket) -> str:
        self.socket = socket
        return "accept"

    def _heard(self, _socket: Socket, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "listen":
            self.say(("connected", {"region": "US_EAST_VIRGINIA"}))
        elif message["type"] == "register":
            self.say(("ready", {}))


def invite(sid: str = "CA1", caller: str = CALLER) -> tuple[str, dict[str, Any]]:
    """Somebody calls."""
    return "invite", {"callsid": sid, "sdp": "v=0\r\n", "parameters": {"From": caller, "CallSid": sid}}


def cancel(sid: str = "CA1") -> tuple[str, dict[str, Any]]:
    """The caller gives up."""
    return "cancel", {"callsid": sid}


CLOSE: tuple[str, dict[str, Any]] = ("close", {})
