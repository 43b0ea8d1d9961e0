"""A plain SIP phone at a site: baresip, which says one tone, writes down what it hears, and is told what to do over its
control port (netstrings with JSON). Its events come the same way."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import gevent
import numpy as np
from gevent import socket

from agent.closing import Closing
from bench.rig.sip_network import EDGES, PHONES
from bench.rig.sip_site import DOMAIN, USERS, SipSite

RATE_HZ = 8_000
PATIENCE_S = 20.0
CONTROL_PORT = 4444
CONFIG = """
poll_method epoll
sip_listen {address}:5060
call_local_timeout 120
audio_player aufile,{folder}/played.wav
audio_source aufile,{folder}/says.wav
audio_alert aufile,/dev/null
ausrc_srate 8000
auplay_srate 8000
rtp_ports 10000-10200
net_interface {address}
ctrl_tcp_listen {address}:{control}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
snd_path {folder}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""
ACCOUNT = (
    '<sip:{user}@{domain};transport=udp>;auth_user={user};auth_pass={secret};outbound="sip:{edge}:5060;transport=udp"'
    ";regint=120;answermode={mode};audio_codecs={codecs};dtmfmode=rtpevent\n"
)


class SipPhone(Closing):
    """One registered phone. Hub only, and the hub must live where it reaches the phone (in `client`, for one)."""

    def __init__(
        self, site: SipSite, user: str = "desk", *, hz: int = 700, answers: bool = True, codecs: str = "PCMU,PCMA",
        secret: str = "", address: str = PHONES[0], edge: int = 1,
    ) -> None:  # fmt: skip
        """`answers` calls at once, or when told to."""
        self.address = address
        self._site, self._user = site, user
        self.folder = Path(mkdtemp(prefix=f"phone-{user}-", dir=site.folder))
        self.events: list[tuple[str, str]] = []  # kind, and what came with it
        write_tone(self.folder / "says.wav", hz)
        (self.folder / "config").write_text(CONFIG.format(address=address, folder=self.folder, control=CONTROL_PORT))
        account = ACCOUNT.format(user=user, domain=DOMAIN, secret=secret or USERS[user], edge=EDGES[edge],
                                 mode="auto" if answers else "manual", codecs=codecs)  # fmt: skip
        (self.folder / "accounts").write_text(account)
        (self.folder / "contacts").touch()
        with ExitStack() as stack:
            words = ("baresip", "-4", "-f", str(self.folder), "-v")
            self._process = site.spawn("net", *words, log=self.folder / "log", cwd=self.folder)
            stack.callback(self._process.wait)
            stack.callback(self._process.kill)
            self._control = self._connect()
            stack.callback(self._control.close)
            self._reader = gevent.spawn(self._read)
            stack.callback(self._reader.kill)
            self._closing = stack.pop_all()

    @property
    def log(self) -> str:
        """What the phone has said."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def digits(self) -> str:
        """What was pressed at the other end."""
        return "".join(what for kind, what in self.events if kind == "CALL_DTMF_START")

    def dial(self, to: str) -> None:
        """Call a user of the site."""
        self.tell("dial", f"sip:{to}@{DOMAIN}")

    def accept(self) -> None:
        """Take the call that rings."""
        self.tell("accept")

    def hang_up(self) -> None:
        """End the call, or refuse or cancel it before it is one."""
        self.tell("hangup")

    def hold(self) -> None:
        """Hold the call."""
        self.tell("hold")

    def resume(self) -> None:
        """Go on with a held call."""
        self.tell("resume")

    def press(self, digit: str) -> None:
        """Send a digit in the media."""
        self.tell("sndcode", digit)

    def tell(self, command: str, parameters: str = "") -> None:
        """Give a command."""
        text = json.dumps({"command": command, "params": parameters, "token": command})
        self._control.sendall(f"{len(text)}:{text},".encode())

    def until(self, condition: Callable[[], object], what: str, limit_s: float = PATIENCE_S) -> None:
        """Let the hub run until a condition holds."""
        with gevent.Timeout(limit_s, AssertionError(f"the phone never {what}: {self.events} {self.log[-800:]}")):
            while not condition():
                gevent.sleep(0.02)

    def until_event(self, kind: str, count: int = 1) -> None:
        """Wait until it has told of an event so often."""
        self.until(lambda: [each for each, _ in self.events].count(kind) >= count, f"told of {kind}")

    def until_registered(self) -> None:
        """Wait until the edge knows it."""
        self.until(lambda: "200 OK" in self.log or ("REGISTER_OK", "") in self.events, "registered")

    def heard(self) -> tuple[int, int]:
        """The level (RMS) and the loudest frequency of the last half second; 0, 0 before there is one."""
        files = sorted(self.folder.glob("dump*dec.wav"))
        data = files[-1].read_bytes()[44:] if files else b""
        pcm = np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(float)[-RATE_HZ // 2 :]
        if len(pcm) < RATE_HZ // 2:
            return 0, 0
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
        return round(float(np.sqrt(np.mean(pcm**2)))), round(float(np.argmax(spectrum)) * RATE_HZ / len(pcm))

    def until_hears(self, hz: int, level: int = 2000, limit_s: float = PATIENCE_S) -> None:
        """Wait until it hears a tone that is so loud."""
        self.until(lambda: self.heard()[0] > level and abs(self.heard()[1] - hz) < 20, f"heard {hz} Hz", limit_s)

    def until_quiet(self) -> None:
        """Wait until it hears nothing."""
        self.until(lambda: self.heard()[0] < 50, "heard silence")

    def close(self) -> None:
        """End the phone, and let the site know that it is gone; idempotent."""
        self._closing.close()
        self._site.forget(self._user)

    def _connect(self) -> Any:
        with gevent.Timeout(PATIENCE_S, RuntimeError(f"the phone does not start: {self.log[-2000:]}")):
            while True:
                with self._site.inside("net"):  # where no test cuts it off
                    plug = socket.socket()
                try:
                    plug.connect((self.address, CONTROL_PORT))
                    return plug
                except OSError:
                    plug.close()
                    gevent.sleep(0.02)

    def _read(self) -> None:
        ahead = b""
        while data := self._control.recv(65536):
            ahead += data
            while match := re.match(rb"(\d+):", ahead):
                start, end = match.end(), match.end() + int(match[1])
                if len(ahead) <= end:
                    break
                self._note(json.loads(ahead[start:end].decode(errors="replace")))
                ahead = ahead[end + 1 :]

    def _note(self, told: dict[str, Any]) -> None:
        if told.get("event"):
            self.events.append((told["type"], str(told.get("param", ""))))


def write_tone(path: Path, hz: int, rate_hz: int = RATE_HZ, seconds: int = 100) -> None:
    """Make a WAV file with so many seconds of a tone."""
    sine = 9_000 * np.sin(2 * np.pi * hz * np.arange(rate_hz * seconds) / rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(sine.astype(np.int16).tobytes())
