"""The thread that carries the media of calls, as the box sees it: warmed up, watched, replaced when it stands still."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module

from agent.mailbox import Mailbox
from agent.media.loop import Bridge, close_shared_bridge, shared_bridge
from agent.media.netlink import NetworkChange, NetworkWatch

log = logging.getLogger(__name__)


class MediaThread:
    """Owner of the process's bridge. `on_network_change()` is called on the hub when addresses or routes change."""

    def __init__(self, mailbox: Mailbox, watch_network: bool, on_network_change: Callable[[], None]) -> None:
        self._mailbox = mailbox
        self._watch_network = watch_network
        self._on_network_change = on_network_change
        self._warm = False
        self.bridge: Bridge = shared_bridge()

    def start(self) -> None:
        """Let the first call wait for nothing, and notice when the network changes; returns at once."""
        self._warm = False
        if self._watch_network:
            self.bridge.call(self._watch)
        self.bridge.call(import_module, "agent.media.peer")  # in the thread itself, so that its end is known
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

    def _watch(self) -> None:
        try:
            NetworkWatch(self._changed)  # lives, and ends, with the loop
        except OSError as error:
            log.warning("changes of the network will be noticed late: %s", error)

    def _changed(self, _change: NetworkChange) -> None:
        self._mailbox.post(self._on_network_change)
