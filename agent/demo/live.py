"""`demo` without --once: the box keeps running; people press, call and listen."""

from __future__ import annotations

import sys
from pathlib import Path

from gevent.event import Event

from agent.demo.scene import BOX, Scene
from agent.demo.timeline import Timeline
from agent.service.stopping import StopSignals

INTRODUCTION = """
The box is called "{box}" and waits for calls. It runs on this machine, with a virtual front panel:

  front panel    {page}
  browser phone  {phone}   (its certificate is this machine's own: accept it once)
  from a shell   kiosk-agent call {box} ... or: python -m agent press accept · press hangup · status

Press Ctrl-C to end.
"""


def keep_running(listen: tuple[str, int], state_dir: Path) -> int:
    """Run until a signal; prints what to open and press, then what happens."""
    scene = Scene(listen, state_dir, None)
    timeline = Timeline(sys.stdout)
    scene.kiosk.on("moment", lambda name, detail: timeline.note(BOX, name, str(detail)))
    ended = Event()
    signals = StopSignals(lambda _reason: ended.set())
    try:
        scene.kiosk.start()
        page = scene.kiosk.page
        print(INTRODUCTION.format(box=BOX, page=page.url if page else "(not served)",
                                  phone=scene.switchboard.address.url), flush=True)  # fmt: skip
        ended.wait()
    finally:
        scene.close()
        signals.close()
    print("demo: ended", flush=True)
    return 0
