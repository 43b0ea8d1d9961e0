"""What the actions of the buttons do (`hw.panel.actions` has their names)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from agent.errors import UsageError
from agent.kiosk.attendant import Attendant
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.call_sounds import CallSounds
from agent.kiosk.digit_buttons import DigitButtons
from agent.kiosk.door import Doorway
from agent.kiosk.speaker_volume import SpeakerVolume
from agent.log import MOST_WHY, excerpt
from hw.errors import HardwareError
from hw.panel.actions import END_PUSH_TO_TALK, ButtonAction

log = logging.getLogger(__name__)


class Actions:
    """Performs actions on the attendant, the door and the volume."""

    def __init__(
        self,
        attendant: Attendant,
        doorway: Doorway,
        volume: SpeakerVolume,
        board: Noticeboard,
        sounds: CallSounds,
    ) -> None:
        """`sounds` lets it be heard when something was not possible."""
        self._board = board
        self._sounds = sounds
        self.digits = digits = DigitButtons(attendant, sounds.key, lambda act: self._attempt("dial", act))
        self._actions: dict[str, Callable[[ButtonAction], object]] = {
            "accept": lambda _: attendant.accept(),
            "reject": lambda _: attendant.reject(),
            "ignore": lambda _: attendant.ignore(),
            "hang_up": lambda _: attendant.hang_up(),
            "answer_or_hang_up": lambda _: attendant.answer_or_hang_up(),
            "mute": lambda _: attendant.toggle_mute(),
            "push_to_talk": lambda _: attendant.lines.talk(True),
            END_PUSH_TO_TALK: lambda _: attendant.lines.talk(False),
            "call": lambda action: attendant.answer_or_call(action.target, action.parameters),
            "bell": lambda action: attendant.bell(action.target, action.parameters),
            "digit": lambda action: digits.digit(action.target),
            "dial": lambda _: digits.dial(),
            "clear": lambda _: digits.clear(),
            "redial": lambda _: attendant.answer_or_redial(),
            "feedback": lambda action: attendant.feedback(int(action.target), action.parameters.get("issue")),
            "do_not_disturb": lambda _: attendant.toggle_do_not_disturb(),
            "door": lambda action: doorway.open("button", "button", action.target),
            "volume_up": lambda _: volume.change(1),
            "volume_down": lambda _: volume.change(-1),
        }

    @property
    def names(self) -> frozenset[str]:
        """Every action there is."""
        return frozenset(self._actions)

    def perform(self, action: ButtonAction) -> None:
        """Perform one; what makes no sense now, or what the hardware does not do, is told, heard and not done."""
        self._board.tell("action", action.name)
        self._attempt(action.name, lambda: self._actions[action.name](action))

    def _attempt(self, name: str, act: Callable[[], object]) -> None:
        try:
            act()
        except (UsageError, HardwareError) as error:
            log.info("the action %s was not possible: %s", name, excerpt(error, MOST_WHY))
            self._board.tell("not possible", error)
            self._sounds.refused()
