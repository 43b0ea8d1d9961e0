"""What the actions of the buttons do (`hw.panel.actions` has their names)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from agent.errors import UsageError
from agent.kiosk.attendant import Attendant
from agent.kiosk.box_events import Noticeboard
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
        refused: Callable[[], object],
    ) -> None:
        """`refused()` is called after what was not possible, so that it is heard."""
        self._board = board
        self._refused = refused
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
            "redial": lambda _: attendant.answer_or_redial(),
            "feedback": lambda action: attendant.feedback(int(action.target), action.parameters.get("issue")),
            "do_not_disturb": lambda _: attendant.toggle_do_not_disturb(),
            "door": lambda _: doorway.open("a button was pressed"),
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
        try:
            self._actions[action.name](action)
        except (UsageError, HardwareError) as error:
            log.info("the action %s was not possible: %s", action.name, excerpt(error, MOST_WHY))
            self._board.tell("not possible", error)
            self._refused()
