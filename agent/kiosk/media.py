"""The thread that carries the media of calls, as the box sees it: warmed up, watched, replaced when it stands still."""

from __future__ import annotations

from agent.mailbox import Mailbox
from agent.media.loop import Bridge, close_shared_bridge, shared_bridge
from agent.media.session import warm_up


class MediaThread:
    """Owner of the process's bridge."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._warm = False
        self.bridge: Bridge = shared_bridge()

    def start(self) -> None:
        """Let the first call wait for nothing; returns at once."""
        self._warm = False
        warm_up(self.bridge)
        self.bridge.call(self._mailbox.post, self._warmed_up)

    def progress_s(self) -> float:
        """Seconds since its last sign of life; 0 while it imports what calls need, which slow boards take long for."""
        return self.bridge.progress_s() if self._warm else 0.0

    def replace(self) -> None:
        """Leave a thread that stands still behind, with the calls that it carried, and start another one."""
        close_shared_bridge(timeout_s=0)
        self.bridge = shared_bridge()
        self.start()

    def close(self) -> None:
        """End it."""
        close_shared_bridge()

    def _warmed_up(self) -> None:
        self._warm = True
