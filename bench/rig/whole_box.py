"""A whole box with everything around it, each part of which can be broken: `kiosk-agent run`, its switchboard, its
network with a router and a name server, its sound server, its disks, its limits. Needs root. Hub only.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import gevent

from agent.closing import Closing
from agent.errors import ControlError
from agent.service.control_client import ControlClient
from bench.rig.board import Board
from bench.rig.name_server import NameServer
from bench.rig.netns import NETWORKS, Network
from bench.rig.room import Room
from bench.rig.service import Service
from bench.rig.walls import Walls

NAME = "switchboard.test"
FAR = f"{NETWORKS['far']}.2"
PAGE_PORT = 8080
TOKEN_S = 3600
POLL_S = 0.05
ANSWER_S = 2.0
LISTEN_S = 3.0
SETTINGS = """
[box]
identity = "box"
pins = "mock"
[signaling]
server = "{name}:{port}"
ca_file = "ca.pem"
insights = "off"
[token]
file = "token"
[sound]
capture = "vmic_box"
playback = "vspk_box"
echo = "none"
noise_suppression = false
volume_percent = 100
retry_max_ms = 2000
[buttons.echo]
pin = 17
short = "call:echo"
[buttons.hangup]
pin = 27
short = "hang_up"
[lights.status]
pin = 24
[door]
pin = 26
[page]
listen = "127.0.0.1:{page}"
[service]
control_socket = "{folder}/run/control.sock"
state_dir = "{folder}/state"
"""


class WholeBox(Closing):
    """One box and its surroundings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ExitStack() as stack:
            self.network = Network()
            stack.callback(self.network.close)
            self.room = Room(folder / "sound")
            stack.callback(self.room.close)
            self.board = Board(folder / "board", FAR, around=self.network.command("far"), names=(NAME, FAR))
            stack.callback(self.board.close)
            self.board.start()
            with self.network.inside("far"):
                listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                listener.bind((FAR, 53))
            self.names = NameServer(listener, FAR)
            stack.callback(self.names.close)
            self._write_settings()
            self.run, self.state = folder / "run", folder / "state"
            self.walls = Walls(self.network.command("box"), folder / "resolv.conf", (self.run, self.state))
            stack.callback(self.walls.close)
            command = [*self.walls.around, sys.executable, "-m", "agent", "run", "--config", str(folder / "box.toml")]
            self.service = Service(command, folder / "box.log", self.room.environment)
            stack.callback(self.service.close)
            self._ends = stack.pop_all()
        self.service.start()

    def _write_settings(self) -> None:
        (self.folder / "box.toml").write_text(
            SETTINGS.format(name=NAME, port=self.board.port, page=PAGE_PORT, folder=self.folder)
        )
        (self.folder / "resolv.conf").write_text(f"nameserver {FAR}\n")
        self.trust(self.board)
        self.give_token()

    def trust(self, board: Board) -> None:
        """Let the box verify its service with this one's authority."""
        (self.folder / "ca.pem").write_bytes(board.ca_file.read_bytes())

    def give_token(self, ttl_s: int = TOKEN_S) -> None:
        """Put a token where the box looks for one."""
        path = self.folder / "token"
        path.touch(0o600)
        path.write_text(self.board.token("box", ttl_s))

    def cut_socket(self) -> None:
        """Take the socket of its signaling away, as a router that forgets does."""
        command = (*self.walls.around, "ss", "--kill", "-Htn", "dport", "=", f":{self.board.port}")
        subprocess.run(command, check=True, capture_output=True)

    def page(self) -> socket.socket:
        """Connect to its page, which listens within its own network."""
        with self.network.inside("box"):
            sock = socket.socket()
        try:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", PAGE_PORT))
        except OSError:
            sock.close()
            raise
        return sock

    # What somebody in front of it does and sees

    @property
    def control_socket(self) -> Path:
        """Where its control socket is, seen from here."""
        return self.walls.seen(self.run) / "control.sock"

    def ask(self, command: str, **parameters: Any) -> Any:
        """Give the box a command; raises ControlError."""
        with ControlClient(str(self.control_socket)) as client:
            return client.request(command, timeout_s=ANSWER_S, **parameters)

    def status(self) -> dict[str, Any]:
        """Return what it shows; nothing while it does not answer."""
        try:
            return dict(self.ask("status"))
        except ControlError:
            return {}

    @property
    def is_ready(self) -> bool:
        """Whether a call could begin now, with sound."""
        status = self.status()
        return bool(status) and status["service"]["ready"] and status["sound"]["state"] == "open"

    def until(self, holds: Callable[[], object], within_s: float) -> float | None:
        """Wait until something holds; the seconds that took, or None when it never did."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > within_s:
                return None
            gevent.sleep(POLL_S)
        return time.monotonic() - began

    def press(self, button: str) -> bool:
        """Press a button; whether the box noticed."""
        try:
            self.ask("press", button=button)
        except ControlError:
            return False
        return True

    def hang_up(self, within_s: float) -> bool:
        """End the call, if there is one; whether there is none any more."""

        def is_idle() -> bool:
            status = self.status()
            if status.get("call") is not None:
                self.press("hangup")
                gevent.sleep(0.2)
            return bool(status) and status["call"] is None

        return self.until(is_idle, within_s) is not None

    def call(self, within_s: float) -> int | None:
        """Call the echo, again if that failed, as somebody does who hears the busy tone.

        How often the button had to be pressed until the echo was heard; None: it was not.
        """
        presses, until = 0, time.monotonic() + within_s
        while time.monotonic() < until:
            if self.status().get("call") is None:
                presses += self.press("echo")
            if self.room.until_heard(LISTEN_S):
                return presses
        return None

    def start_afresh(self) -> None:
        """Mend everything around the box, and end its present life."""
        self.board_goes_on()
        self.board.start()
        self.room.cards.unwedge()
        self.room.start()
        self.names.mood = "answers"
        lives = len(self.service.statuses)
        self.service.send(signal.SIGKILL)
        self.until(lambda: len(self.service.statuses) > lives, 10)

    def board_goes_on(self) -> None:
        """Let a switchboard that was stopped go on."""
        with suppress(ProcessLookupError):
            self.board.send(signal.SIGCONT)

    def close(self) -> None:
        """End everything; idempotent."""
        self.board_goes_on()
        self._ends.close()
