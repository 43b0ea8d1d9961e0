"""The states of a call, as one table: (state, flags, trigger) -> (new state, marks, effects in order).

Theory: nothing else changes the state of a call. A trigger is something that happened (a method was called, the
server said something, the media did something); the first row that names the state and the trigger, and whose guard
holds, is taken. A pair that no row names changes nothing: that is how `accept()` on an open call, or a late `answer`,
is harmless. `ENTER` marks the moment at which the program sees the new state: the reference tells some errors before
it, so that their listeners still see the old one. The row numbers are those of spec: connection 3; rows that deviate
from the reference say why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from agent.voice import call_causes as of
from agent.voice import call_effects as do
from agent.voice.call_causes import Cause, Effects, Loss
from agent.voice.call_state import CallState


class Trigger(Enum):
    """What can happen to a call."""

    ACCEPT = auto()  # methods
    REJECT = auto()
    IGNORE = auto()
    DISCONNECT = auto()
    RINGING = auto()  # server messages
    ANSWER = auto()
    CANCEL = auto()
    DROPPED = auto()  # the service has nobody left to take it from, or announced it anew
    HANGUP = auto()
    RESTART_OFFER = auto()
    RESTART_ANSWER = auto()
    TRANSPORT_CLOSE = auto()  # the signaling socket is gone; the cause says what that means to the call
    CAPTURED = auto()  # the microphone is open; an error says that signaling is down
    CAPTURE_FAILED = auto()
    OFFER_MADE = auto()  # steps of the media
    ANSWER_MADE = auto()
    ANSWER_APPLIED = auto()
    RESTART_OFFER_MADE = auto()
    RESTART_ANSWER_MADE = auto()
    NEGOTIATION_FAILED = auto()  # an offer or answer could not be made or applied
    STABLE = auto()  # both session descriptions are applied
    MEDIA_LOST = auto()  # recovery is off, impossible or exhausted
    RECONNECTING = auto()  # recovery begins
    RECONNECTED = auto()  # recovery ends
    SIGNALING_BACK = auto()  # the service has the call again
    SIGNALING_LOST = auto()  # ... and will not have it any more
    RESUME = auto()  # the process before this one was in the call


@dataclass(frozen=True)
class CallFlags:
    """What a call remembers besides its state."""

    incoming: bool = False
    answered: bool = False
    media_open: bool = False
    remote_sdp_applied: bool = False  # or on its way: only the first answer counts
    accepted: bool = False  # `accept` has been emitted
    cancelled: bool = False
    listening: bool = False  # `hangup` concerns this call
    media_lost: bool = False  # what keeps a call reconnecting: either of these two
    signaling_lost: bool = False
    resumed: bool = False  # begun by another process; its media is described anew


_Guard = Callable[[CallFlags, Cause], object]
_Mark = tuple[str, bool]  # a member of CallFlags and its new value
_Given = Callable[[Cause], Effects]


class _Enter(Enum):
    """The place in a row at which the new state is shown."""

    ENTER = auto()


_Action = do.CallEffect | _Given | _Mark | _Enter


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: int
    states: frozenset[CallState]
    trigger: Trigger
    new: CallState | None  # None: stay
    actions: tuple[_Action, ...]
    guard: _Guard | None = None

    @property
    def marks(self) -> dict[str, bool]:
        """The flags that change, and what they become."""
        return dict(action for action in self.actions if isinstance(action, tuple))

    def effects(self, cause: Cause) -> Iterator[do.CallEffect]:
        """Return what is to be done, in order."""
        for action in self.actions:
            if action is ENTER:
                assert self.new is not None
                yield do.ShowState(self.new)
            elif callable(action):
                yield from action(cause)
            elif not isinstance(action, tuple | _Enter):
                yield action


S = CallState
T = Trigger

ANY = frozenset(CallState)
NEW = frozenset({S.PENDING})
TRYING = frozenset({S.CONNECTING, S.RINGING})
LIVE = frozenset({S.CONNECTING, S.RINGING, S.OPEN, S.RECONNECTING})
NOT_CLOSED = ANY - {S.CLOSED}

ENTER: Final = _Enter.ENTER
ACCEPTED: Final = ("accepted", True)
ANSWERED: Final = ("answered", True)
CANCELLED: Final = ("cancelled", True)
LISTENS: Final = ("listening", True)
LISTENS_NO_MORE: Final = ("listening", False)
MEDIA_OPEN: Final = ("media_open", True)
REMOTE_APPLIED: Final = ("remote_sdp_applied", True)
MEDIA_LOST: Final = ("media_lost", True)
MEDIA_BACK: Final = ("media_lost", False)
SIGNALING_LOST: Final = ("signaling_lost", True)
SIGNALING_BACK: Final = ("signaling_lost", False)
RESUMED: Final = ("resumed", True)

EMIT_ACCEPT: Final = do.EmitEvent("accept", with_call=True)
EMIT_CANCEL: Final = do.EmitEvent("cancel")
EMIT_DISCONNECT: Final = do.EmitEvent("disconnect", with_call=True)
EMIT_RECONNECTED: Final = do.EmitEvent("reconnected")
EMIT_TRANSPORT_CLOSE: Final = do.EmitEvent("transportClose")
LOCAL_END: Final = do.ReportEvent("disconnected-by-local")
REMOTE_END: Final = do.ReportEvent("disconnected-by-remote")
RECONNECTED: Final = do.ReportEvent("reconnected")
RECONNECTING: Final = do.ReportEvent("reconnecting")

_ACCEPT = (ACCEPTED, EMIT_ACCEPT)
_APPLY = (REMOTE_APPLIED, of.apply_answer)
_CAPTURED = (of.report_captured, LISTENS)
_CLOSE = (LISTENS_NO_MORE, do.CloseMedia(), ENTER)
_ENDED = (*_CLOSE, do.PlayDisconnect(), EMIT_DISCONNECT)  # row 27
_FLOWS = (of.report_codec, do.StartMonitoring())
_RINGS = (of.name_call, ENTER, of.report_ringing, of.emit_ringing)


def _row(
    number: int,
    states: frozenset[CallState],
    trigger: Trigger,
    new: CallState | None,
    *actions: _Action,
    when: _Guard | None = None,
) -> Row:
    return Row(number, states, trigger, new, actions, when)


def _is_resumed(call: CallFlags, cause: Cause) -> bool:
    return call.resumed


def _early_answer(call: CallFlags, cause: Cause) -> bool:
    return bool(cause.sdp) and not cause.ringing_enabled and not call.answered


def _late_sdp(call: CallFlags, cause: Cause) -> bool:
    """The call was answered without a description; this message brings it."""
    return call.answered and bool(cause.sdp) and not call.remote_sdp_applied and not call.incoming


def _back(trigger: Trigger, mark: _Mark, other: str) -> tuple[Row, ...]:
    """What had been lost is back; the call is, when nothing else is lost."""
    reconnecting, whole = frozenset({S.RECONNECTING}), (RECONNECTED, ENTER, EMIT_RECONNECTED)
    return (
        _row(31, reconnecting, trigger, None, mark, when=lambda call, cause: getattr(call, other)),
        _row(31, reconnecting, trigger, S.OPEN, mark, *whole, when=lambda call, cause: call.accepted),
        # The reference never emits `accept` when recovery began before the first open; here it follows.
        _row(31, reconnecting, trigger, S.OPEN, mark, *whole, *_ACCEPT,
             when=lambda call, cause: call.answered and (call.media_open or trigger is Trigger.RECONNECTED)),
        _row(31, reconnecting, trigger, S.CONNECTING, mark, *whole),
    )  # fmt: skip


TABLE: tuple[Row, ...] = (
    _row(2, NEW, T.ACCEPT, S.CONNECTING, ENTER, do.DisconnectOther(), do.OpenCapture()),
    _row(29, frozenset({S.CONNECTING}), T.CAPTURED, S.CLOSED, of.report_captured, of.emit_error, *_ENDED,
         when=lambda call, cause: cause.error),
    _row(4, frozenset({S.CONNECTING}), T.CAPTURED, None, *_CAPTURED, ANSWERED, REMOTE_APPLIED, do.CreateAnswer(),
         when=lambda call, cause: call.incoming),
    _row(4, LIVE, T.ANSWER_MADE, None, of.send_answer, do.ReportEvent("accepted-by-local"), *_FLOWS),
    _row(5, frozenset({S.CONNECTING}), T.CAPTURED, None, *_CAPTURED, do.CreateOffer()),
    _row(34, frozenset({S.RECONNECTING}), T.OFFER_MADE, None, do.AskService(), when=_is_resumed),
    _row(5, LIVE, T.OFFER_MADE, None, of.send_invite),
    _row(34, frozenset({S.RECONNECTING}), T.CAPTURED, None, of.report_captured, do.CreateOffer(), when=_is_resumed),
    _row(6, ANY - {S.CONNECTING}, T.CAPTURED, S.CLOSED, of.report_captured, *_CLOSE,
         when=lambda call, cause: call.cancelled),
    _row(6, ANY - {S.CONNECTING}, T.CAPTURED, S.CLOSED, of.report_captured, *_CLOSE, EMIT_DISCONNECT),
    _row(7, frozenset({S.CONNECTING}), T.CAPTURE_FAILED, S.CLOSED,
         of.report_capture_failed, of.send_hangup, *_ENDED, LOCAL_END, of.emit_error),
    _row(7, frozenset({S.CLOSED}), T.CAPTURE_FAILED, None, of.report_capture_failed, of.emit_error),
    _row(34, frozenset({S.RECONNECTING}), T.CAPTURE_FAILED, S.CLOSED,
         of.report_capture_failed, of.send_hangup, *_ENDED, LOCAL_END, of.emit_error, when=_is_resumed),
    # The reference un-mutes in row 8; a mute that was asked for is kept here.
    _row(8, TRYING, T.STABLE, S.OPEN, MEDIA_OPEN, ENTER, *_ACCEPT, when=lambda call, cause: call.answered),
    _row(8, TRYING, T.STABLE, None, MEDIA_OPEN),
    _row(9, frozenset({S.OPEN, S.RECONNECTING}), T.STABLE, None, MEDIA_OPEN),
    _row(10, frozenset({S.PENDING, S.CLOSED}), T.STABLE, S.CLOSED, *_CLOSE),
    _row(12, TRYING, T.RINGING, S.RINGING, *_RINGS, *_APPLY,
         when=lambda call, cause: cause.ringing_enabled and cause.sdp and not call.remote_sdp_applied),
    _row(11, TRYING, T.RINGING, S.RINGING, *_RINGS, when=lambda call, cause: cause.ringing_enabled),
    _row(13, frozenset({S.CONNECTING}), T.RINGING, None, of.name_call, ANSWERED, *_APPLY, when=_early_answer),
    _row(13, frozenset({S.CONNECTING}), T.RINGING, None, of.name_call, *_APPLY, when=_late_sdp),
    _row(14, frozenset({S.CONNECTING}), T.RINGING, None, of.name_call),
    # Row 15 of the reference overwrites the call's sid in every other state: here `ringing` then says nothing.
    _row(34, frozenset({S.RECONNECTING}), T.ANSWER, None, *_APPLY,
         when=lambda call, cause: call.resumed and cause.sdp and not call.remote_sdp_applied),
    _row(17, TRYING, T.ANSWER, S.OPEN, of.name_call, ANSWERED, ENTER, *_ACCEPT,
         when=lambda call, cause: call.media_open and not call.answered),
    _row(16, TRYING | {S.RECONNECTING}, T.ANSWER, None, of.name_call, ANSWERED, *_APPLY,
         when=lambda call, cause: not call.answered and cause.sdp and not call.remote_sdp_applied),
    _row(16, TRYING | {S.RECONNECTING}, T.ANSWER, None, of.name_call, ANSWERED,
         when=lambda call, cause: not call.answered),
    _row(16, TRYING | {S.RECONNECTING}, T.ANSWER, None, *_APPLY, when=_late_sdp),
    _row(16, LIVE, T.ANSWER_APPLIED, None, do.ReportEvent("accepted-by-remote"), *_FLOWS),
    _row(19, NEW, T.REJECT, S.CLOSED, do.SendReject(), LISTENS_NO_MORE, ENTER, do.EmitEvent("reject"),
         do.ReportEvent("rejected-by-local")),
    _row(20, NEW, T.IGNORE, S.CLOSED, LISTENS_NO_MORE, ENTER, EMIT_CANCEL, do.ReportEvent("ignored-by-local")),
    _row(21, NEW, T.DROPPED, S.CLOSED, LISTENS_NO_MORE, ENTER),
    _row(34, frozenset({S.RECONNECTING}), T.DROPPED, S.CLOSED, *_CLOSE, EMIT_DISCONNECT, when=_is_resumed),
    # Row 22 of the reference holds in every state; a closed call no longer listens here (one `cancel` per call).
    _row(22, NOT_CLOSED, T.CANCEL, S.CLOSED, CANCELLED, do.ReportEvent("cancel"), *_CLOSE, EMIT_CANCEL),
    _row(23, LIVE, T.DISCONNECT, S.CLOSED, of.send_hangup, *_ENDED, LOCAL_END),
    # Refused: the service may still keep the far end waiting for us.
    _row(34, LIVE, T.HANGUP, S.CLOSED, of.emit_error, of.send_hangup, REMOTE_END, *_ENDED,
         when=lambda call, cause: call.resumed and call.signaling_lost),
    _row(25, LIVE, T.HANGUP, S.CLOSED, of.emit_error, REMOTE_END, *_ENDED,
         when=lambda call, cause: call.listening),
    _row(26, LIVE, T.MEDIA_LOST, S.CLOSED, of.send_hangup, *_ENDED, LOCAL_END, of.emit_error),
    # Row 28 of the reference leaves a call that cannot be negotiated open for ever; here it ends.
    _row(28, LIVE, T.NEGOTIATION_FAILED, S.CLOSED, of.emit_error, of.send_hangup, *_ENDED, LOCAL_END),
    _row(30, LIVE, T.RECONNECTING, S.RECONNECTING, MEDIA_LOST, of.report_reconnecting, ENTER, of.emit_reconnecting),
    _row(30, LIVE, T.RESTART_OFFER_MADE, None, of.send_reinvite),
    _row(30, LIVE, T.RESTART_ANSWER, None, of.apply_restart),
    _row(30, LIVE, T.RESTART_OFFER, None, of.answer_restart),
    _row(30, LIVE, T.RESTART_ANSWER_MADE, None, of.send_answer),
    *_back(T.RECONNECTED, MEDIA_BACK, "signaling_lost"),
    *_back(T.SIGNALING_BACK, SIGNALING_BACK, "media_lost"),
    # In the second generation a call goes with its socket, or comes back over the next one (spec: recovery 10).
    # The reference leaves the media of one that goes running, and says nothing of its end.
    _row(32, NEW, T.TRANSPORT_CLOSE, S.CLOSED, EMIT_TRANSPORT_CLOSE, LISTENS_NO_MORE, ENTER,
         when=lambda call, cause: cause.loss is not Loss.NONE),
    _row(32, LIVE, T.TRANSPORT_CLOSE, S.CLOSED, EMIT_TRANSPORT_CLOSE, *_ENDED,
         when=lambda call, cause: cause.loss is Loss.ENDS),
    _row(32, LIVE, T.TRANSPORT_CLOSE, S.RECONNECTING, EMIT_TRANSPORT_CLOSE, SIGNALING_LOST, ENTER, RECONNECTING,
         of.emit_reconnecting, when=lambda call, cause: cause.loss is Loss.WAITS and call.remote_sdp_applied),
    _row(32, NOT_CLOSED, T.TRANSPORT_CLOSE, None, EMIT_TRANSPORT_CLOSE),
    # A call that a process leaves behind when it dies is taken up by the next one, with media of its own.
    _row(34, NEW, T.RESUME, S.RECONNECTING, RESUMED, ANSWERED, LISTENS, MEDIA_LOST, SIGNALING_LOST, ENTER, RECONNECTING,
         of.emit_reconnecting, do.OpenCapture()),
    _row(33, LIVE, T.SIGNALING_LOST, S.CLOSED, of.send_hangup, *_ENDED, LOCAL_END, of.emit_error),
)  # fmt: skip


def row_of(state: CallState, flags: CallFlags, trigger: Trigger, cause: Cause) -> Row | None:
    """Find the row that says what `trigger` does to a call; None: nothing (spec: connection 3)."""
    for row in TABLE:
        if row.trigger is trigger and state in row.states and (row.guard is None or row.guard(flags, cause)):
            return row
    return None
