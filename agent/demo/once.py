"""`demo --once`: one scripted call, one last line, one exit status."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import gevent

from agent.demo.script import Script
from agent.demo.timeline import DemoTimeline
from agent.errors import AgentError
from agent.service.stopping import StopSignals
from agent.terminal import say
from hw.errors import HardwareError

log = logging.getLogger(__name__)


def play_once(listen: tuple[str, int], state_dir: Path) -> int:
    """Play the call; prints the timeline and, last, `demo: ok ...` or `demo: failed: why`."""
    playing = gevent.getcurrent()

    def interrupt(_reason: str) -> None:
        gevent.get_hub().loop.run_callback(playing.throw, KeyboardInterrupt)

    signals = StopSignals(interrupt, status=1)
    with signals, tempfile.TemporaryDirectory(prefix="kiosk-demo-") as folder:
        succeeded, told = _play(Path(folder), listen, state_dir)
    say(f"demo: {'ok' if succeeded else 'failed'}: {told}")
    return 0 if succeeded else 1


def _play(folder: Path, listen: tuple[str, int], state_dir: Path) -> tuple[bool, str]:
    script = None
    try:
        script = Script(DemoTimeline(), folder, listen, state_dir)
        return True, script.play()
    except (AgentError, HardwareError) as error:
        return False, str(error)
    except KeyboardInterrupt:
        return False, "interrupted"
    finally:
        if script is not None:
            script.close()
