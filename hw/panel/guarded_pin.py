"""The program's end of the door's relay, which `hw.panel.relay_guard` holds in another process.

The guard is a child of this process, or, where systemd listens on SOCKET for it, a unit of its own that nothing of
what stops, freezes or kills the agent's unit can reach. One that dies is replaced at once: the new one claims the line
as off.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from hw.closing import Closing
from hw.errors import PinError
from hw.panel.relay_guard import BUSY_S, MAX_LINE, RelayWiring
from hw.words import excerpt

log = logging.getLogger(__name__)

SOCKET = Path("/run/kiosk-agent-door.socket")
COMMAND = (sys.executable, "-m", "hw.panel.relay_guard")
ANSWER_S = 1.0  # an answer takes a millisecond; a board under load may be slow
START_S = 10.0 + BUSY_S  # another Python on a slow board that is booting
AGAIN_S = 0.2  # between two guards, when one after the other dies
SELDOM_S = 60.0  # between two warnings about that
_ROOT = Path(__file__).parents[2]


class GuardedPin(Closing):
    """An output that another process holds; as `hw.panel.pins.OutputPin`, on any thread."""

    def __init__(
        self, wiring: RelayWiring, forget: Callable[[], object] = lambda: None, command: Sequence[str] = COMMAND
    ) -> None:
        """`forget` is called at the end; `command` starts a guard. Raises PinError when the line cannot be had."""
        self.number = wiring.line
        self._wiring = wiring
        self._forget = forget
        self._command = command
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._guard: _Guard | None = _Guard(wiring, command)
        self._keeper = threading.Thread(target=self._keep, args=(self._guard,), name="door guard", daemon=True)
        self._keeper.start()

    def set(self, value: float) -> None:
        """Drive at `value`: half and more is on. Raises PinError when the guard cannot, or does not answer."""
        with self._lock:
            if self._guard is None:
                raise PinError(f"GPIO{self.number}: the door's guard is being started again; try in a moment")
            self._guard.ask("on" if value >= 0.5 else "off", ANSWER_S)

    def close(self) -> None:
        """Turn off and let the line go; idempotent."""
        self._closed.set()
        with self._lock:
            guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()
            self._forget()

    def _keep(self, guard: _Guard) -> None:
        """Put another guard in the place of one that ended; the door stays closed meanwhile."""
        told_at = -SELDOM_S
        while True:
            guard.wait()
            with self._lock:
                if self._closed.is_set():
                    return
                self._guard = None
            now = time.monotonic()
            level = logging.WARNING if now - told_at >= SELDOM_S else logging.DEBUG
            told_at = now if level == logging.WARNING else told_at
            log.log(level, "the guard of the door's relay ended; another one is started")
            guard.close()
            another = self._another()
            with self._lock:
                if another is None or self._closed.is_set():
                    break
                self._guard = guard = another
        if another is not None:
            another.close()

    def _another(self) -> _Guard | None:
        while not self._closed.wait(AGAIN_S):
            try:
                return _Guard(self._wiring, self._command)
            except PinError as error:
                log.debug("no guard for the door's relay: %s", error)
        return None


class _Guard:
    """One guard process, or one of systemd's, and the stream of lines to it."""

    def __init__(self, wiring: RelayWiring, command: Sequence[str]) -> None:
        self._number = wiring.line
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        try:
            self._stream = self._connected() or self._started(command)
        except OSError as error:
            raise PinError(f"GPIO{self._number}: the door's guard cannot be started: {error}") from None
        self._reader = threading.Thread(target=self._read, name="door guard's answers", daemon=True)
        self._reader.start()
        try:
            self.ask(wiring.to_json(), START_S)
        except PinError:
            self.close()
            raise

    def ask(self, text: str, timeout_s: float) -> None:
        """Say one line and wait for the answer; raises PinError for a bad one, and for none."""
        try:
            self._stream.sendall(text.encode() + b"\n")
            answer = self._answers.get(timeout=timeout_s)
        except (OSError, queue.Empty):
            answer = None
        if answer != "ok":
            why = excerpt(answer.removeprefix("failed "), 200) if answer else "its guard does not answer"
            self._hang_up()  # what it says later must not be taken for another answer
            raise PinError(f"GPIO{self._number} cannot be used: {why}; is it free, and on this board's header?")

    def wait(self) -> None:
        """Wait for its end."""
        self._reader.join()

    def close(self) -> None:
        """End it, which lets the line go; idempotent."""
        self._hang_up()
        self._reader.join(ANSWER_S)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(ANSWER_S)
            self._process.kill()
            self._process.wait()
        self._stream.close()

    def _connected(self) -> socket.socket | None:
        if not SOCKET.is_socket():
            return None
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.settimeout(ANSWER_S)
            stream.connect(str(SOCKET))
            stream.settimeout(None)
        except OSError as error:
            stream.close()
            log.debug("no guard of the door's relay behind %s: %s", SOCKET, error)
            return None
        return stream

    def _started(self, command: Sequence[str]) -> socket.socket:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        with theirs:
            end = theirs.fileno()
            # In a session of its own: what stops or ends the program's group leaves it alone.
            self._process = subprocess.Popen(
                command, stdin=end, stdout=end, cwd="/", env=environment, start_new_session=True
            )
        return ours

    def _read(self) -> None:
        with suppress(OSError, ValueError), self._stream.makefile("rb") as lines:
            while line := lines.readline(MAX_LINE):
                self._answers.put(line.decode(errors="replace").strip())
        self._answers.put(None)

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
