"""Tells systemd how the service is: the datagrams of sd_notify(3), in the few lines that they need."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

from agent.closing import Closing
from agent.log import FailureLog, excerpt

log = logging.getLogger(__name__)

MOST_STATUS = 1000  # characters


class Notifier(Closing):
    """Sends state to the service manager; every method does nothing when no manager listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux's abstract socket names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket:
            self._socket.setblocking(False)
        self._failures = FailureLog(log, "telling systemd")

    def ready(self, status: str) -> None:
        """Say that the service is up; `status` in words."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def status(self, status: str) -> None:
        """Set what `systemctl status` shows."""
        self._send(f"STATUS={_one_line(status)}")

    def stopping(self) -> None:
        """Say that the orderly stop has begun."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Say that everything made progress since the last time."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Release the socket; idempotent."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            self._failures.failed(error)
        else:
            self._failures.recovered()


def watchdog_timeout_s(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """Tell how long systemd waits for a sign of life, or None when it does not (sd_watchdog_enabled(3))."""
    for_pid = environ.get("WATCHDOG_PID")
    if for_pid and for_pid != str(os.getpid() if pid is None else pid):
        return None
    try:
        timeout_us = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return timeout_us / 1e6 if timeout_us > 0 else None


def _one_line(text: str) -> str:
    return excerpt(" ".join(text.split()), MOST_STATUS)
