"""The states of a call, as one table: (state, flags, trigger) -> (new state, actions in order).

Theory: nothing else changes the state of a call. A trigger is something that happened (a method was called, the
server said something, the media did something); the first row that names the state and the trigger, and whose guard
holds, is taken. Its actions are carried out in order, and `ENTER` marks the moment at which the new state becomes
visible. A pair that no row names changes nothing: that is how `accept()` on an open call, or a late `answer`, is
harmless. The row numbers are those of spec: connection 3; rows that deviate from the reference say why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from agent.errors import CaptureError, VoiceError


class State(StrEnum):
    """What `Connection.status()` returns (spec: connection 2)."""

    PENDING = "pending"
    CONNECTING = "connecting"
    RINGING = "ringing"
    OPEN = "open"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


class Trigger(Enum):
    """What can happen to a call."""

    ACCEPT = auto()  # accept() was called
    CAPTURED = auto()  # the microphone is open
    CAPTURE_FAILED = auto()
    STABLE = auto()  # both session descriptions are applied
    NEGOTIATION_FAILED = auto()  # an offer or answer could not be made or applied
    RINGING = auto()  # server messages
    ANSWER = auto()
    CANCEL = auto()
    HANGUP = auto()
    REJECT = auto()  # methods
    IGNORE = auto()
    DISCONNECT = auto()
    MEDIA_LOST = auto()  # recovery is off, impossible or exhausted
    RECONNECTING = auto()  # recovery begins
    RECONNECTED = auto()  # recovery ends
    TRANSPORT_CLOSE = auto()  # the signaling socket is gone


class Action(Enum):
    """What a row makes the call do; `Connection` has one small method for each."""

    ENTER = auto()
    DISCONNECT_OTHER = auto()
    OPEN_CAPTURE = auto()
    LISTEN = auto()  # from here on `hangup` concerns this call
    STOP_LISTENING = auto()
    MARK_ANSWERED = auto()
    MARK_CANCELLED = auto()
    MARK_MEDIA_OPEN = auto()
    STORE_SID = auto()
    MAKE_OFFER = auto()
    MAKE_ANSWER = auto()
    APPLY_ANSWER = auto()
    SEND_HANGUP = auto()
    SEND_REJECT = auto()
    CLOSE_MEDIA = auto()
    PLAY_DISCONNECT = auto()
    EMIT_ACCEPT = auto()
    EMIT_CANCEL = auto()
    EMIT_DISCONNECT = auto()
    EMIT_ERROR = auto()
    EMIT_RECONNECTING = auto()
    EMIT_RECONNECTED = auto()
    EMIT_REJECT = auto()
    EMIT_RINGING = auto()
    EMIT_TRANSPORT_CLOSE = auto()
    REPORT_CAPTURED = auto()
    REPORT_CAPTURE_FAILED = auto()
    REPORT_CANCEL = auto()
    REPORT_IGNORED = auto()
    REPORT_REJECTED = auto()
    REPORT_RINGING = auto()
    REPORT_LOCAL_END = auto()
    REPORT_REMOTE_END = auto()
    REPORT_RECONNECTING = auto()
    REPORT_RECONNECTED = auto()


@dataclass(frozen=True)
class Flags:
    """What the guards look at, besides the state."""

    incoming: bool = False
    answered: bool = False
    media_open: bool = False
    remote_sdp_applied: bool = False
    accepted: bool = False  # `accept` has been emitted
    cancelled: bool = False
    listening: bool = False
    signaling_up: bool = True
    ringing_enabled: bool = False
    has_sdp: bool = False  # the message that triggers carries a session description
    has_error: bool = False  # ... or an error


@dataclass(frozen=True)
class Cause:
    """What came with a trigger; actions use it, the table does not."""

    sdp: str | None = None
    callsid: str | None = None
    error: VoiceError | None = None
    capture_error: CaptureError | None = None
    reason: str | None = None  # goes out with `hangup`


NOTHING = Cause()

Guard = Callable[[Flags], bool]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: int
    states: frozenset[State]
    trigger: Trigger
    new: State | None  # None: stay
    actions: tuple[Action, ...]
    guard: Guard | None = None


@dataclass(frozen=True)
class Step:
    """What one trigger does: the state to enter at `Action.ENTER`, and the actions in order."""

    state: State
    actions: tuple[Action, ...]
    row: int | None


A = Action
S = State
T = Trigger

ANY = frozenset(State)
NEW = frozenset({S.PENDING})
TRYING = frozenset({S.CONNECTING, S.RINGING})
LIVE = frozenset({S.CONNECTING, S.RINGING, S.OPEN, S.RECONNECTING})
NOT_CLOSED = ANY - {S.CLOSED}

_CLOSE = (A.STOP_LISTENING, A.CLOSE_MEDIA, A.ENTER)
_ENDED = (*_CLOSE, A.PLAY_DISCONNECT, A.EMIT_DISCONNECT)  # row 27
_ACCEPTED = (A.MARK_MEDIA_OPEN, A.ENTER, A.EMIT_ACCEPT)
_RINGS = (A.STORE_SID, A.ENTER, A.REPORT_RINGING, A.EMIT_RINGING)


def _row(
    number: int,
    states: frozenset[State],
    trigger: Trigger,
    new: State | None,
    *actions: Action,
    when: Guard | None = None,
) -> Row:
    return Row(number, states, trigger, new, actions, when)


def _early_answer(flags: Flags) -> bool:
    return flags.has_sdp and not flags.ringing_enabled and not flags.answered


def _late_sdp(flags: Flags) -> bool:
    """The call was answered without a description; this message brings it."""
    return flags.answered and flags.has_sdp and not flags.remote_sdp_applied and not flags.incoming


TABLE: tuple[Row, ...] = (
    _row(2, NEW, T.ACCEPT, S.CONNECTING, A.ENTER, A.DISCONNECT_OTHER, A.OPEN_CAPTURE),
    _row(29, frozenset({S.CONNECTING}), T.CAPTURED, S.CLOSED, A.REPORT_CAPTURED, A.EMIT_ERROR, *_ENDED,
         when=lambda f: not f.signaling_up),
    _row(4, frozenset({S.CONNECTING}), T.CAPTURED, None, A.REPORT_CAPTURED, A.LISTEN, A.MARK_ANSWERED, A.MAKE_ANSWER,
         when=lambda f: f.incoming),
    _row(5, frozenset({S.CONNECTING}), T.CAPTURED, None, A.REPORT_CAPTURED, A.LISTEN, A.MAKE_OFFER),
    _row(6, ANY - {S.CONNECTING}, T.CAPTURED, S.CLOSED, A.REPORT_CAPTURED, *_CLOSE,
         when=lambda f: f.cancelled),
    _row(6, ANY - {S.CONNECTING}, T.CAPTURED, S.CLOSED, A.REPORT_CAPTURED, *_CLOSE, A.EMIT_DISCONNECT),
    _row(7, frozenset({S.CONNECTING}), T.CAPTURE_FAILED, S.CLOSED,
         A.REPORT_CAPTURE_FAILED, A.SEND_HANGUP, *_ENDED, A.REPORT_LOCAL_END, A.EMIT_ERROR),
    # The reference un-mutes in row 8; a mute that was asked for is kept here.
    _row(8, TRYING, T.STABLE, S.OPEN, *_ACCEPTED, when=lambda f: f.answered),
    _row(8, TRYING, T.STABLE, None, A.MARK_MEDIA_OPEN),
    _row(9, frozenset({S.OPEN, S.RECONNECTING}), T.STABLE, None, A.MARK_MEDIA_OPEN),
    _row(10, frozenset({S.PENDING, S.CLOSED}), T.STABLE, S.CLOSED, *_CLOSE),
    _row(12, TRYING, T.RINGING, S.RINGING, *_RINGS, A.APPLY_ANSWER,
         when=lambda f: f.ringing_enabled and f.has_sdp and not f.remote_sdp_applied),
    _row(11, TRYING, T.RINGING, S.RINGING, *_RINGS, when=lambda f: f.ringing_enabled),
    _row(13, frozenset({S.CONNECTING}), T.RINGING, None, A.STORE_SID, A.MARK_ANSWERED, A.APPLY_ANSWER,
         when=_early_answer),
    _row(13, frozenset({S.CONNECTING}), T.RINGING, None, A.STORE_SID, A.APPLY_ANSWER, when=_late_sdp),
    _row(14, frozenset({S.CONNECTING}), T.RINGING, None, A.STORE_SID),
    # Row 15 of the reference overwrites the call's sid in every other state: here `ringing` then says nothing.
    _row(17, TRYING, T.ANSWER, S.OPEN, A.STORE_SID, A.MARK_ANSWERED, A.ENTER, A.EMIT_ACCEPT,
         when=lambda f: f.media_open and not f.answered),
    _row(16, TRYING | {S.RECONNECTING}, T.ANSWER, None, A.STORE_SID, A.MARK_ANSWERED, A.APPLY_ANSWER,
         when=lambda f: not f.answered and f.has_sdp and not f.remote_sdp_applied),
    _row(16, TRYING | {S.RECONNECTING}, T.ANSWER, None, A.STORE_SID, A.MARK_ANSWERED,
         when=lambda f: not f.answered),
    _row(16, TRYING | {S.RECONNECTING}, T.ANSWER, None, A.APPLY_ANSWER, when=_late_sdp),
    _row(19, NEW, T.REJECT, S.CLOSED, A.SEND_REJECT, A.STOP_LISTENING, A.ENTER, A.EMIT_REJECT, A.REPORT_REJECTED),
    _row(20, NEW, T.IGNORE, S.CLOSED, A.STOP_LISTENING, A.ENTER, A.EMIT_CANCEL, A.REPORT_IGNORED),
    # Row 22 of the reference holds in every state; a closed call no longer listens here (one `cancel` per call).
    _row(22, NOT_CLOSED, T.CANCEL, S.CLOSED, A.MARK_CANCELLED, A.REPORT_CANCEL, *_CLOSE, A.EMIT_CANCEL),
    _row(23, LIVE, T.DISCONNECT, S.CLOSED, A.SEND_HANGUP, *_ENDED, A.REPORT_LOCAL_END),
    _row(25, LIVE, T.HANGUP, S.CLOSED, A.EMIT_ERROR, A.REPORT_REMOTE_END, *_ENDED,
         when=lambda f: f.listening and f.has_error),
    _row(25, LIVE, T.HANGUP, S.CLOSED, A.REPORT_REMOTE_END, *_ENDED, when=lambda f: f.listening),
    _row(26, LIVE, T.MEDIA_LOST, S.CLOSED, A.SEND_HANGUP, *_ENDED, A.REPORT_LOCAL_END, A.EMIT_ERROR),
    # Row 28 of the reference leaves a call that cannot be negotiated open for ever; here it ends.
    _row(28, LIVE, T.NEGOTIATION_FAILED, S.CLOSED, A.EMIT_ERROR, A.SEND_HANGUP, *_ENDED, A.REPORT_LOCAL_END),
    _row(30, TRYING | {S.OPEN}, T.RECONNECTING, S.RECONNECTING,
         A.REPORT_RECONNECTING, A.ENTER, A.EMIT_RECONNECTING),
    _row(31, frozenset({S.RECONNECTING}), T.RECONNECTED, S.OPEN, A.REPORT_RECONNECTED, A.ENTER, A.EMIT_RECONNECTED,
         when=lambda f: f.accepted),
    # The reference never emits `accept` when recovery began before the first open; here it follows.
    _row(31, frozenset({S.RECONNECTING}), T.RECONNECTED, S.OPEN,
         A.REPORT_RECONNECTED, A.ENTER, A.EMIT_RECONNECTED, A.EMIT_ACCEPT, when=lambda f: f.answered),
    _row(31, frozenset({S.RECONNECTING}), T.RECONNECTED, S.CONNECTING,
         A.REPORT_RECONNECTED, A.ENTER, A.EMIT_RECONNECTED),
    _row(32, NOT_CLOSED, T.TRANSPORT_CLOSE, None, A.EMIT_TRANSPORT_CLOSE),
)  # fmt: skip


def step(state: State, flags: Flags, trigger: Trigger) -> Step:
    """Look up what `trigger` does to a call in `state`; an unlisted pair does nothing (spec: connection 3)."""
    for row in TABLE:
        if row.trigger is trigger and state in row.states and (row.guard is None or row.guard(flags)):
            return Step(row.new or state, row.actions, row.number)
    return Step(state, (), None)
