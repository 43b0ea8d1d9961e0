"""`demo` without --once: the box keeps running; people press, call and listen."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from gevent.event import Event

from agent.demo.scene import BOX, Scene
from agent.demo.script import BOX_SAYS
from agent.demo.speech import speak
from agent.demo.timeline import Timeline
from agent.service.stopping import StopSignals
from hw.sound_presence import anything
from hw.virtual import WavSound

INTRODUCTION = """
The box is called "{box}" and waits for calls. It runs on this machine, with a virtual front panel:

  front panel    {page}
  browser phone  {phone}   (its certificate is this machine's own: accept it once)
  from a shell   .venv/bin/kiosk-agent press accept · press hangup · press call · status
  sound          {sound}

Press Ctrl-C to end.
"""


PAGE_WITHIN_S = 2.0
CARD = "this machine's sound card"
NO_CARD = "this machine has no sound card: the box says one sentence over and over"


def keep_running(listen: tuple[str, int], state_dir: Path) -> int:
    """Run until a signal; prints what to open and press, then what happens."""
    sound = _stand_in()
    scene = Scene(listen, state_dir, sound)
    timeline = Timeline(sys.stdout)
    scene.kiosk.on("moment", lambda name, detail: timeline.note(BOX, name, str(detail)))
    ended = Event()
    signals = StopSignals(lambda _reason: ended.set())
    try:
        scene.kiosk.start()
        page = scene.kiosk.page
        page.served.wait(PAGE_WITHIN_S)
        print(INTRODUCTION.format(box=BOX, page=page.url or f"not served: {scene.config.page.listen} is taken",
                                  phone=scene.switchboard.address.url,
                                  sound=NO_CARD if sound else CARD), flush=True)  # fmt: skip
        ended.wait()
    finally:
        scene.close()
        signals.close()
    print("demo: ended", flush=True)
    return 0


def _stand_in() -> WavSound | None:
    """A voice in the place of the sound card, where there is none."""
    if anything():
        return None
    with tempfile.TemporaryDirectory(prefix="kiosk-demo-") as folder:
        return WavSound(speak(BOX_SAYS, Path(folder) / "box.wav"), loop=True)
