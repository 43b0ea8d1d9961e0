"""Who of those that one call rings has it, and what the call comes to when nobody takes it, without I/O or clock.

    one rings                the caller hears of it, once for all of them
    the first one answers    it has the call; all that have not ended are taken back
    another one answers      it is turned down: its answer has crossed what takes it back
    one ends                 the others ring on, also after a 6xx: each leg is somebody else, who speaks for himself
    the last one ends        the call has failed, with the best of what they said
    the caller hangs up      all are taken back

The best (RFC 3261 section 16.7 step 6): that somebody did not take it, who declines before who is busy before who does
not answer; else what a server said, the lowest class first, where a 6xx counts as 4xx, and those first that say what to
do; else that no server said anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from agent.signaling.sip.codes import NOT_TAKEN

_MOST_TELLING: Final = (603, 486, 600)  # of those who did not take it: somebody said so, or talks
_SAYS_WHAT_TO_DO: Final = (401, 407, 415, 420, 484)


@dataclass(frozen=True)
class LegEnd:
    """How a leg ended that has not got the call; below 300: with an answer that nobody could hear."""

    status: int
    phrase: str
    is_ours: bool = False  # no server said so

    @property
    def is_failure(self) -> bool:
        """Whether it could not be called, other than that nobody there took it."""
        return self.is_ours or self.status not in NOT_TAKEN


@dataclass(frozen=True)
class ConnectLeg:
    """The call goes on with this one."""

    leg: int


@dataclass(frozen=True)
class TakeBackLeg:
    """Nobody there shall answer any more; `is_taken`: because another one has."""

    leg: int
    is_taken: bool


@dataclass(frozen=True)
class TurnDownLeg:
    """End what was answered in vain."""

    leg: int


@dataclass(frozen=True)
class MissLeg:
    """Note that this one could not be called, while others ring."""

    leg: int
    end: LegEnd


@dataclass(frozen=True)
class FailCall:
    """Tell the caller what it came to."""

    end: LegEnd


@dataclass(frozen=True)
class ForgetLegs:
    """The last of them that was under way has told its last word."""


LegsEffect: TypeAlias = ConnectLeg | TakeBackLeg | TurnDownLeg | MissLeg | FailCall | ForgetLegs


class _State(Enum):
    CALLED = auto()
    TAKEN_BACK = auto()  # and not over for the far end
    OVER = auto()  # or it has the call


class Legs:
    """The legs of one call, by their numbers from 0."""

    def __init__(self, count: int) -> None:
        self._states = [_State.CALLED] * count
        self._ends: list[LegEnd] = []
        self._has_rung = False

    @property
    def are_under_way(self) -> bool:
        """Whether any of them has its last word still to tell."""
        return any(state is not _State.OVER for state in self._states)

    def rings(self, leg: int) -> bool:
        """Tell whether the caller is to hear that this one rings; a single one may say so again and again."""
        is_news = not self._has_rung or len(self._states) == 1
        if self._states[leg] is not _State.CALLED or not is_news:
            return False
        self._has_rung = True
        return True

    def answered(self, leg: int) -> list[LegsEffect]:
        """Give the call to the first one that answers."""
        before, self._states[leg] = self._states[leg], _State.OVER
        if before is not _State.CALLED:
            return [TurnDownLeg(leg), *self._rest()]
        return [*self._take_back(is_taken=True), ConnectLeg(leg), *self._rest()]

    def ended(self, leg: int, end: LegEnd) -> list[LegsEffect]:
        """Go on without it, or end the call with the last one."""
        before, self._states[leg] = self._states[leg], _State.OVER
        if before is not _State.CALLED:
            return self._rest()
        self._ends.append(end)
        if _State.CALLED in self._states:
            return [MissLeg(leg, end)] if end.is_failure else []
        return [FailCall(min(self._ends, key=_rank)), *self._rest()]

    def hang_up(self) -> list[LegsEffect]:
        """Take all of them back."""
        return self._take_back(is_taken=False)

    def _take_back(self, *, is_taken: bool) -> list[LegsEffect]:
        called = [leg for leg, state in enumerate(self._states) if state is _State.CALLED]
        for leg in called:
            self._states[leg] = _State.TAKEN_BACK
        return [TakeBackLeg(leg, is_taken) for leg in called]

    def _rest(self) -> list[LegsEffect]:
        return [] if self.are_under_way else [ForgetLegs()]


def _rank(end: LegEnd) -> tuple[int, int, bool]:
    if end.is_ours:
        return 2, 0, False
    if not end.is_failure:
        return 0, _MOST_TELLING.index(end.status) if end.status in _MOST_TELLING else len(_MOST_TELLING), False
    series = 4 if end.status >= 600 else end.status // 100
    return 1, series, end.status not in _SAYS_WHAT_TO_DO
