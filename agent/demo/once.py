"""`demo --once` and `--quick`: one scripted call, one last line, one exit status, in bounded time."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import gevent

from agent.demo.deadline import Deadline
from agent.demo.script import WHOLE, Play, Script
from agent.demo.timeline import DemoTimeline
from agent.errors import AgentError, CallFailedError
from agent.service.stopping import StopSignals
from agent.terminal import say
from hw.errors import HardwareError

log = logging.getLogger(__name__)

PLAY_WITHIN_S = 240.0  # each step has its own limit; on a very slow machine all together have this one
END_WITHIN_S = 60.0
INTERRUPTED_S = 10.0  # the verdict is told even so


def play_once(
    listen: tuple[str, int],
    state_dir: Path,
    play_within_s: float = PLAY_WITHIN_S,
    end_within_s: float = END_WITHIN_S,
    play: Play = WHOLE,
) -> int:
    """Play the call; prints the timeline and, last, `demo: ok ...` or `demo: failed: why`."""
    playing = gevent.getcurrent()

    def interrupt(_reason: str) -> None:
        gevent.get_hub().loop.run_callback(playing.throw, KeyboardInterrupt)

    why = f"it did not end within {play_within_s + end_within_s:g} s, see what each thread did"
    with Deadline(play_within_s + end_within_s, f"demo: failed: {why}"):
        signals = StopSignals(interrupt, within_s=INTERRUPTED_S, status=1)
        with signals, tempfile.TemporaryDirectory(prefix="kiosk-demo-") as folder:
            succeeded, told = _play(play, Path(folder), listen, state_dir, play_within_s)
        say(f"demo: {'ok' if succeeded else 'failed'}: {told}")
    return 0 if succeeded else 1


def _play(
    play: Play, folder: Path, listen: tuple[str, int], state_dir: Path, within_s: float
) -> tuple[bool, str]:
    script = None
    try:
        with gevent.Timeout(within_s, CallFailedError(f"the call was not over within {within_s:g} s")):
            script = Script(DemoTimeline(), folder, listen, state_dir, play)
            return True, script.play()
    except (AgentError, HardwareError, TimeoutError) as error:
        return False, str(error)
    except KeyboardInterrupt:
        return False, "interrupted"
    finally:
        if script is not None:
            _end(script)


def _end(script: Script) -> None:
    """Whatever happens here, the verdict on the call stands."""
    try:
        script.close()
    except Exception:
        log.exception("the demonstration did not end in order")
