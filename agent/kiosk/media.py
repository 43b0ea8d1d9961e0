"""The thread that carries the media of calls, as the box sees it: watched, and replaced when it stands still."""

from __future__ import annotations

from agent.closing import Closing
from agent.media.bridge import Bridge, close_shared_bridge, shared_bridge

CLOSE_S = 0.5


class MediaThread(Closing):
    """Owner of the process's bridge."""

    def __init__(self) -> None:
        self.bridge: Bridge = shared_bridge()

    def progress_s(self) -> float:
        """Return for how many seconds it has owed a sign of life."""
        return self.bridge.progress_s()

    def replace(self) -> None:
        """Leave a thread that stands still behind, with the calls that it carried, and start another one."""
        close_shared_bridge(timeout_s=0)
        self.bridge = shared_bridge()

    def close(self) -> None:
        """End it; one that stands still is left behind."""
        close_shared_bridge(CLOSE_S)
