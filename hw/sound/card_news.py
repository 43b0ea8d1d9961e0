"""What the keeper of a sound card waits for: a word from this process, or news of the machine's cards.

The kernel tells of each device that comes or goes by a uevent: a datagram of netlink, `remove@/devices/...` and then
KEY=value, each ended by a zero byte (kernel: lib/kobject_uevent.c). A sound server tells who subscribes to it.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
from contextlib import suppress

from hw.closing import Closing
from hw.sound.presence import has_server
from hw.sound.server_news import ServerNews, subscribe

log = logging.getLogger(__name__)

NETLINK_KOBJECT_UEVENT = 15
FROM_THE_KERNEL = 1  # the multicast group
MOST_AT_ONCE = 200  # messages of one wake-up
MESSAGE_BYTES = 16 * 1024
OF_SOUND = b"SUBSYSTEM=sound"


class CardNews(Closing):
    """Waited for by one thread; `tell` comes from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._kernel = _listen_to_the_kernel()
        self._server: ServerNews | None = None
        self.server_has_gone = False
        self._poll = select.poll()
        self._poll.register(self._told, select.POLLIN)
        if self._kernel is not None:
            self._poll.register(self._kernel, select.POLLIN)

    def close(self) -> None:
        """Hear nothing more; idempotent."""
        self.leave_server()
        with self._lock:
            if self._told >= 0:
                os.close(self._told)
            self._told = -1
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def tell(self) -> None:
        """Let the present or the next `wait` return; any thread."""
        with self._lock:
            if self._told >= 0:
                os.eventfd_write(self._told, 1)

    @property
    def is_told(self) -> bool:
        """Whether anybody at all tells of cards: the kernel, or the server that was asked."""
        return self._kernel is not None or self._server is not None

    def ask_server(self) -> bool:
        """Hear of the sound server's cards too, until `leave_server`; False where one is there that tells nothing."""
        self.leave_server()
        self.server_has_gone = False
        try:
            self._server = subscribe()
        except OSError as error:
            log.debug("the sound server does not tell of cards: %s", error)
            return False
        if self._server is not None:
            self._poll.register(self._server.fileno(), select.POLLIN)
        return self._server is not None or not has_server()

    def leave_server(self) -> None:
        """Hear of the sound server's cards no more; idempotent."""
        if self._server is not None:
            self._poll.unregister(self._server.fileno())
            self._server.close()
            self._server = None

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for a word or for news, None: however long that takes; whether there was news of a card."""
        ready = {number for number, _events in self._poll.poll(None if timeout_s is None else timeout_s * 1000)}
        if self._told in ready:
            with suppress(BlockingIOError):
                os.eventfd_read(self._told)
        news = self._kernel is not None and self._kernel.fileno() in ready and self._read_kernel(self._kernel)
        if self._server is not None and self._server.fileno() in ready:
            news |= self._server.read()
            if self._server.has_ended:
                self.server_has_gone = True
                self.leave_server()
        return news

    @staticmethod
    def _read_kernel(kernel: socket.socket) -> bool:
        news = False
        for _ in range(MOST_AT_ONCE):
            try:
                news |= OF_SOUND in kernel.recv(MESSAGE_BYTES).split(b"\0")
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS: some were lost, and one of them may have been of sound
                news = True
        return news


def _listen_to_the_kernel() -> socket.socket | None:
    try:
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)
    except OSError as error:
        log.debug("the kernel does not tell of cards: %s", error)
        return None
    try:
        kernel.bind((0, FROM_THE_KERNEL))
    except OSError as error:
        log.debug("the kernel does not tell of cards: %s", error)
        kernel.close()
        return None
    return kernel
