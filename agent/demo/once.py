"""`demo --once`: one scripted call, one last line, one exit status."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from agent.demo.script import Script
from agent.demo.timeline import Timeline
from agent.errors import AgentError
from hw.errors import HardwareError

log = logging.getLogger(__name__)


def play_once(listen: tuple[str, int], state_dir: Path) -> int:
    """Play the call; prints the timeline and `demo: ok ...` or `demo: failed: why`."""
    with tempfile.TemporaryDirectory(prefix="kiosk-demo-") as folder:
        script = None
        try:
            script = Script(Timeline(), Path(folder), listen, state_dir)
            result = script.play()
        except (AgentError, HardwareError) as error:
            print(f"demo: failed: {error}", flush=True)
            return 1
        finally:
            if script is not None:
                script.close()
    print(f"demo: ok: {result}", flush=True)
    return 0
