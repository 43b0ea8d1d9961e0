"""One sound device and the calls that use it at the same time: who ends leaves it to those that go on.

Nothing is handed over, all follows from who is live: every call gets each captured frame, and those of the loop that
came last are heard together.
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from typing import Generic, Protocol, TypeVar

from hw.sound.interface import LoopPaced, Sound


class DeskUser(Protocol):
    """The pump of one call."""

    @property
    def loop(self) -> AbstractEventLoop:
        """Where it works."""

    def captured(self, frame: bytes) -> bool:
        """Take a captured frame, on the device's thread; False when the loop has ended, and the call with it."""

    def beat(self, due_at: float) -> None:
        """Write the sound that the device needs now, and should have asked for at `due_at`."""


User = TypeVar("User", bound=DeskUser)


class SoundDesk(Generic[User]):
    """Who uses one device, in the order in which they came; it keeps no device alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.users: tuple[User, ...] = ()
        self._heard: tuple[User, ...] = ()  # together, as those of the loop that came last

    def join(self, sound: Sound, user: User) -> None:
        """Use the device from now on; call it in the user's loop."""
        with self._lock:
            self._set((*self.users, user))
            if len(self.users) == 1:
                sound.set_capture(self._captured)
        if isinstance(sound, LoopPaced):
            sound.on_beat = self._beat
            sound.lend_beat(user.loop)

    def leave(self, sound: Sound, user: User) -> None:
        """Use it no longer; call it in the user's loop; idempotent."""
        was_heard = bool(self.together(user))
        with self._lock:
            self._remove(user)
            if not self.users:
                sound.set_capture(None)
        if not was_heard:
            return  # a loop that stood still must not silence the call of the one that took its place
        sound.flush()
        if isinstance(sound, LoopPaced) and not (self.users and self.users[-1].loop is user.loop):
            sound.take_back_beat()

    def together(self, user: User) -> tuple[User, ...]:
        """List those that are heard together with `user`, the last to come at the end; none while others are heard."""
        heard = self._heard
        return heard if user in heard else ()

    def _beat(self, due_at: float) -> None:
        users = self.users
        if users:
            users[-1].beat(due_at)

    def _captured(self, frame: bytes) -> None:
        for user in self.users:
            if not user.captured(frame):
                with self._lock:
                    self._remove(user)

    def _remove(self, user: User) -> None:
        self._set(tuple(other for other in self.users if other is not user))

    def _set(self, users: tuple[User, ...]) -> None:
        self.users = users
        self._heard = tuple(other for other in users if other.loop is users[-1].loop)
