"""The sound of a box under test: which devices it sees and uses, and a test tone that its own microphone looks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent

from agent.closing import Closing
from agent.errors import InvalidStateError
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_sound import BoxSound
from agent.kiosk.lines import Lines
from hw.errors import SoundError
from hw.sound.devices import SoundDevice
from hw.sound.interface import SoundState
from hw.sound.settings import SoundSettings

ROLES = ("capture", "playback", "ring")
KEPT_S = 2.0  # a list of devices is as good as new
CALM_S = 0.5


class SoundBench(Closing):
    """Asked by the page, on the hub; nothing runs while nobody asks."""

    def __init__(self, settings: SoundSettings, sound: BoxSound, lines: Lines, board: Noticeboard) -> None:
        self._settings = settings
        self._sound = sound
        self._has_cards = hasattr(sound, "select")  # files have nothing to choose from
        self._lines = lines
        self._board = board
        self._tested: dict[str, Any] | None = None
        self._test: gevent.Greenlet[[], None] | None = None
        self._listing: gevent.Greenlet[[], None] | None = None
        self._listed: tuple[list[SoundDevice], str, float] = ([], "", -KEPT_S)

    def describe(self) -> dict[str, Any]:
        """Tell which devices there are, and which of them are used; ready for JSON. Blocks the greenlet, not the hub.

        has_cards · wanted {role: name in the settings} · devices [{name, captures, plays, used_for [role]}] ·
        problem, why there is no list · tone {is_playing, tested {at_ms, outcome, detail, remedy} or None}
        """
        self._look()
        devices, problem, _ = self._listed
        used = self._used()
        return {
            "has_cards": self._has_cards,
            "wanted": {role: getattr(self._settings, role) for role in ROLES},
            "devices": [
                {"name": one.name, "captures": one.has(True), "plays": one.has(False),
                 "used_for": [role for role, name in used.items() if name == one.name]} for one in devices
            ],
            "problem": problem,
            "tone": {"is_playing": self._is_testing, "tested": self._tested},
        }  # fmt: skip

    def play_tone(self) -> None:
        """Begin to play the test tone, and to listen for it; what becomes of it is told as a moment.

        Raises InvalidStateError in a call, without a sound card, and while it is played.
        """
        if self._is_testing:
            raise InvalidStateError("the test tone is being played already")
        if self._lines.is_busy() or self._lines.waiting.lines:
            raise InvalidStateError("the test tone is not played in a call: try again when it is over")
        if self._sound.state is not SoundState.OPEN:
            raise InvalidStateError(f"there is no sound card to play it: the sound is {self._sound.state.value}")
        self._test = gevent.spawn(self._play)

    def close(self) -> None:
        """Test no longer; idempotent."""
        if self._test is not None:
            self._test.kill(block=False)

    @property
    def _is_testing(self) -> bool:
        return self._test is not None and not self._test.dead

    def _play(self) -> None:
        from agent.doctor.sound import hear_itself

        try:
            check = hear_itself(self._sound, self._is_free)
        finally:
            self._give_back()
        self._tested = {"at_ms": round(time.time() * 1000), "outcome": check.outcome.value, "detail": check.detail,
                        "remedy": check.remedy}  # fmt: skip
        self._test = None
        self._board.tell("test tone", f"{check.detail}; {check.remedy}" if check.remedy else check.detail)

    def _is_free(self) -> bool:
        return not self._lines.is_busy()

    def _give_back(self) -> None:
        """Let the device be as it was; a call that came meanwhile has taken it, and leaves it in order itself."""
        while not self._is_free():
            gevent.sleep(CALM_S)
        self._sound.set_capture(None)
        self._sound.configure(None)

    def _used(self) -> dict[str, str]:
        """Which device does what now."""
        stats: Callable[[], Any] | None = getattr(self._sound, "stats", None)
        return dict(stats().devices) if stats is not None else {}

    def _look(self) -> None:
        """List the devices, once for all who ask at a time."""
        if not self._has_cards or time.monotonic() - self._listed[2] < KEPT_S:
            return
        if self._listing is None or self._listing.dead:
            self._listing = gevent.spawn(self._list)
        self._listing.join()

    def _list(self) -> None:
        devices, problem = [], ""
        names = [name for role in ROLES if (name := getattr(self._settings, role)) not in ("", "none")]
        try:
            from hw.sound.card import available_devices  # loads PortAudio

            # On a native thread: PortAudio may take seconds.
            devices = gevent.get_hub().threadpool.apply(available_devices, (), {"names": names})
        except (SoundError, ImportError) as error:
            problem = str(error)
        self._listed = (devices, problem, time.monotonic())
