"""A box, its PBX and another phone in one process: real SIP over real sockets, real media, virtual pins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent import Device
from agent.config import Config
from agent.demo.scene import LIGHTS
from agent.mailbox import Mailbox
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.settings import SipSettings
from hw.sound.wav_sound import WavSound
from tests.kiosk.ear import Ear
from tests.kiosk.stage import VISITOR_HZ, Box, Listener, button, tone
from tests.signaling.sip.edge import DOMAIN, HOSTS, SECRETS, Edge, Site

KIOSK, DESK = "kiosk", "desk"
BUTTONS = {
    name: button(pin, short=action)
    for pin, (name, action) in enumerate(
        {"accept": "accept", "reject": "reject", "ignore": "ignore", "hangup": "hang_up",
         "call": "call:desk?Room=lobby",
         "uri": f"call:sip:desk@{DOMAIN}", "quiet": "do_not_disturb"}.items(), start=2)
}  # fmt: skip
#: What a box by SIP has nothing to do with, in no log, status, light, line or error.
FOREIGN_WORDS = ("twilio", "token", "switchboard", "roaming", "ashburn", "signaling.server", "account_sid", "insights")


class Pbx:
    """One or two edges, and those who are registered there."""

    def __init__(self, folder: Path, edges: int = 1) -> None:
        self.folder = folder
        self.site = Site()
        self.edges = [Edge(folder, self.site, host) for host in HOSTS[:edges]]
        self.edge = self.edges[0]
        self.mailbox = Mailbox()
        self._ends: list[Callable[[], None]] = []

    def config(self, **sip: Any) -> Config:
        """Settings of a box of this PBX; `sip` replaces keys of [sip]."""
        config = Config()
        given: dict[str, Any] = {"edges": tuple(edge.uri for edge in self.edges), "domain": DOMAIN}
        secret = {} if {"secret_file", "secret_command"} & sip.keys() else {"secret": SECRETS[KIOSK]}
        return replace(
            config,
            box=replace(config.box, identity=KIOSK, pins="mock"),
            signaling=replace(config.signaling, protocol="sip", ca_file=self.edge.ca_file),
            sip=SipSettings(**given | secret | sip),
            buttons=BUTTONS,
            lights=LIGHTS,
            page=replace(config.page, enabled=False),
            service=replace(config.service, control_socket=str(self.folder / "run" / "control.sock"),
                            state_dir=str(self.folder / "state")),
        )  # fmt: skip

    def box(self, config: Config | None = None, *, ready: bool = True) -> Box:
        """A box that was started and, unless told otherwise, is registered."""
        (self.folder / "state").mkdir(exist_ok=True)
        box = Box(self.mailbox, config or self.config())
        self._ends.append(box.close)
        box.kiosk.start()
        if ready:
            box.until_shows("ready")
        return box

    def phone(self, user: str = DESK, **more: Any) -> SipPhone:
        """Another registered phone."""
        phone = SipPhone(self, user, **more)
        self._ends.append(phone.close)
        phone.until_told("ready")
        return phone

    def close(self) -> None:
        """End everything."""
        for end in reversed(self._ends):
            end()
        for edge in self.edges:
            edge.close()


class SipPhone(Listener):
    """Somebody else's phone."""

    def __init__(self, pbx: Pbx, user: str, **more: Any) -> None:
        super().__init__()
        self.ear = Ear(pbx.mailbox, self.tell)
        self.sound = WavSound(tone(VISITOR_HZ), self.ear, loop=True)
        self.sound.start()
        self.calls: list[Any] = []
        edges = tuple(edge.uri for edge in pbx.edges)
        self.device = Device()
        for event in ("ready", "offline"):
            self.device.on(event, lambda _device, event=event: self.tell(event))
        self.device.on("incoming", lambda call: self._follow(call, "incoming"))
        self.device.setup(protocol="sip", sip=SipAccount(edges, user, DOMAIN, SECRETS[user], **more), sound=self.sound,
                          ca_file=pbx.edge.ca_file, allow_incoming_while_busy=True)  # fmt: skip
        for name in ("incoming", "outgoing", "disconnect"):
            self.device.sounds.switch(name, False)

    def dial(self, to: str = KIOSK, **params: str) -> Any:
        """Call somebody."""
        return self._follow(self.device.connect({"To": to, **params}), "dialling")

    def close(self) -> None:
        stream = self.device.stream
        self.device.destroy()
        if stream is not None:
            stream.join(1.0)
        self.sound.close()

    def _follow(self, call: Any, word: str) -> Any:
        self.calls.append(call)
        for event in ("accept", "ringing", "disconnect", "cancel", "reject", "error"):
            call.on(event, lambda *args, event=event: self.tell(event, *(args if event == "error" else ())))
        self.tell(word)
        return call


def foreign_words(*texts: object) -> list[str]:
    """Find the words that belong to another service."""
    return [f"{word}: {text}" for text in map(str, texts) for word in FOREIGN_WORDS if word in text.lower()]


@contextmanager
def several(folder: Path) -> Iterator[Callable[..., Pbx]]:
    """Give what makes one PBX after another, and end all of them."""
    made: list[Pbx] = []

    def make(**how: Any) -> Pbx:
        made.append(Pbx(folder, **how))
        return made[-1]

    yield make
    for pbx in made:
        pbx.close()
