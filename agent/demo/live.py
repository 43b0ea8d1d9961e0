"""`demo` without --once: the box keeps running; people press, call and listen."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gevent.event import Event

from agent.demo.keyboard import Keyboard
from agent.demo.scene import BOX, CALLER, DOOR_CODE, Scene
from agent.demo.script import WHOLE
from agent.demo.speech import speak
from agent.demo.timeline import DemoTimeline
from agent.errors import InvalidArgumentError
from agent.page.settings import PageSettings
from agent.qr_code import qr_code
from agent.service.stopping import StopSignals
from agent.terminal import draw, draws, say
from hw.sound.presence import anything
from hw.sound.wav_sound import WavSound

PAGE_WITHIN_S = 5.0
CARD = "this machine's sound card"
NO_CARD = "this machine has no sound card: the box says one sentence over and over"

INTRODUCTION = """
The box is called "{box}" and waits for calls. It runs on this machine, with a virtual front panel:

  front panel    {page}{key}
  browser phone  {phone}   (its certificate is this machine's own: accept it once)
  buttons        {buttons}{here}
  another shell  {command} call {box} --config {caller}   ·   press accept   ·   status
  sound          {sound}
  door           opens for a caller who dials {code}

Press Ctrl-C to end.
"""

CALLER_SETTINGS = """# Calls the demonstration's box, while it runs: kiosk-agent call {box} --config {path}
[box]
identity = "{caller}"
pins = "mock"

[signaling]
server = "{server}"
ca_file = "{ca_file}"

[token]
key_file = "{key_file}"

[sound]
driver = "{driver}"
"""


def keep_running(listen: tuple[str, int], state_dir: Path) -> int:
    """Run until a signal; prints what to open and press, then what happens."""
    sound = _stand_in()
    scene = Scene(listen, state_dir, sound, page=_free_page())
    timeline = DemoTimeline(sys.stdout)
    scene.kiosk.on("moment", lambda name, detail: timeline.note(BOX, name, str(detail)))
    stop_drawing = scene.draw_lights(timeline)
    ended = Event()
    signals = StopSignals(lambda _reason: ended.set())
    keyboard = Keyboard(lambda line: _press(scene, line))
    try:
        scene.kiosk.start()
        scene.kiosk.page.served.wait(PAGE_WITHIN_S)
        here = "   (here: type a name and Enter)" if keyboard.listens else ""
        say(*_introduction(scene, state_dir, sound is None, here).split("\n"))
        _show_phone_page(scene)
        ended.wait()
    finally:
        keyboard.close()
        stop_drawing()
        scene.close()
        signals.close()
    say("demo: ended")
    return 0


def _introduction(scene: Scene, state_dir: Path, has_card: bool, here: str) -> str:
    address = scene.switchboard.address
    caller = state_dir / "caller.toml"
    caller.write_text(
        CALLER_SETTINGS.format(
            box=BOX, caller=CALLER, path=caller, server=address.server, ca_file=Path(address.ca_file).absolute(),
            key_file=(state_dir / "api_key.json").absolute(), driver="alsa" if has_card else "none",
        )
    )  # fmt: skip
    return INTRODUCTION.format(
        box=BOX, caller=caller, page=scene.kiosk.page.url or "is not served", key=_key(scene), phone=address.url,
        buttons=" · ".join(scene.config.buttons), sound=CARD if has_card else NO_CARD, here=here, command=_command(),
        code=DOOR_CODE,
    )  # fmt: skip


def _show_phone_page(scene: Scene) -> None:
    """The browser phone's address, for a telephone that is held in front of the terminal, where one can reach it."""
    address = scene.switchboard.address
    if address.is_elsewhere and draws():
        say("")
        draw(qr_code(address.url))


def _key(scene: Scene) -> str:
    path = scene.kiosk.page.describe()["key_file"]
    return f"   (any name, password {Path(path).read_text().strip()})" if path and scene.kiosk.page.url else ""


def _command() -> str:
    """How this very program is started from a shell."""
    script = Path(sys.executable).with_name("kiosk-agent")
    if not script.exists():
        return f"{Path(sys.executable).name} -m agent"
    return os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)


def _press(scene: Scene, line: str) -> None:
    try:
        scene.kiosk.box.press(line, 0.1)
    except InvalidArgumentError as error:
        say(error)


def _stand_in() -> WavSound | None:
    """A voice in the place of the sound card, where there is none."""
    if anything():
        return None
    with tempfile.TemporaryDirectory(prefix="kiosk-demo-") as folder:
        return WavSound(speak(WHOLE.box_says, Path(folder) / "box.wav"), loop=True)


def _free_page() -> PageSettings:
    """The page at its usual address, or at another port while that one is taken."""
    usual = PageSettings()
    with suppress(OSError), socket.create_server((usual.host, usual.port)):
        return usual
    return replace(usual, listen=f"{usual.host}:0")
