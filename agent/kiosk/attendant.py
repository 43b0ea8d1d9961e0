"""The attendant: takes and makes the calls of one box, by the rules of `[answering]`.

Everything happens on the hub; nothing here knows pins, cards or settings files.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from agent.config.settings import AnsweringSettings
from agent.errors import InvalidStateError, UsageError
from agent.events import Emitter
from agent.kiosk.answering import CallDecision, crosses, crossing_wait_s, decide, limit_s, warning_s
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_state import DIALLING, IDLE, IN_CALL, RECONNECTING
from agent.kiosk.call_log import CallLog
from agent.kiosk.call_sounds import CallSounds
from agent.kiosk.line import Line
from agent.kiosk.outcomes import INCOMING, OUTGOING
from agent.kiosk.waiting import Waiting
from agent.voice.connection import Connection
from agent.voice.device import Device
from hw.sound import tones

log = logging.getLogger(__name__)

ENDS = ("disconnect", "cancel", "reject", "transportClose")


class Attendant(Emitter):
    """At most one call is on (dialled or answered); any number may ring.

    Events: `digit`(str) that the far end pressed in a call, `sample`() when there are new figures of its quality.
    """

    def __init__(
        self,
        device: Device,
        identity: str,
        settings: AnsweringSettings,
        sounds: CallSounds,
        board: Noticeboard,
        *,
        push_to_talk: bool = False,
    ) -> None:
        """`identity` is ours; `push_to_talk`: calls begin muted, because a button opens the microphone."""
        super().__init__()
        self.device = device
        self.calls = CallLog()
        self.current: Line | None = None
        self._identity = identity
        self._waiting = Waiting(device)
        self._settings = settings
        self._sounds = sounds
        self._board = board
        self._push_to_talk = push_to_talk
        self._talks = False
        self._last: Line | None = None
        self._last_dialled: dict[str, str] | None = None
        device.on("incoming", self._on_incoming)
        device.on_pending_changed = self._forget_dropped
        self._switch_ring()

    @property
    def ringing(self) -> list[Line]:
        """The calls that wait for an answer or are being accepted, the one that has rung longest first."""
        return self._waiting.lines

    # --- what somebody at the box can do; UsageError says why it makes no sense now ---

    def accept(self) -> None:
        """Take the call that has rung longest; a call that is on ends. Raises InvalidStateError when none rings."""
        if not self.ringing:
            raise InvalidStateError("no call rings")
        self._accept(self.ringing[0])

    def reject(self) -> None:
        """Refuse what rings, for every phone that is rung. Raises InvalidStateError when nothing rings."""
        for line in self._all_ringing():
            line.connection.reject()

    def ignore(self) -> None:
        """Stop the ringing here. Raises InvalidStateError when nothing rings."""
        for line in self._all_ringing():
            line.ignore()

    def hang_up(self) -> None:
        """End the call that is on; without one, refuse what rings. Raises InvalidStateError."""
        for line in [self.current] if self.current is not None else self._all_ringing():
            line.hang_up()

    def answer_or_hang_up(self) -> None:
        """Take what rings, or else hang up: for a box with only one button."""
        if self.ringing:
            self.accept()
        else:
            self.hang_up()

    def toggle_mute(self) -> None:
        """Turn the microphone off, or on again. Raises InvalidStateError without a call."""
        connection = self._current().connection
        connection.mute(not connection.is_muted())

    def talk(self, talks: bool) -> None:
        """Push-to-talk: open the microphone, or close it again; also before a call begins."""
        self._talks = talks
        if self.current is not None:
            self.current.connection.mute(not talks)

    def answer_or_call(self, to: str, params: Mapping[str, str] | None = None) -> Connection:
        """Take what rings, for which a press is meant then, or else `call`. Raises InvalidStateError."""
        return self._answered() or self.call(to, params)

    def answer_or_redial(self) -> Connection:
        """Take what rings, or else place the last call again. Raises InvalidStateError before the first."""
        return self._answered() or self.redial()

    def call(self, to: str, params: Mapping[str, str] | None = None) -> Connection:
        """Place a call to a number or an identity, whatever rings; `params` go with it."""
        return self._call({"To": to, **(params or {})})

    def redial(self) -> Connection:
        """Place the last call again, whatever rings. Raises InvalidStateError before the first."""
        if self._last_dialled is None:
            raise InvalidStateError("nobody was called since the start")
        return self._call(self._last_dialled)

    def toggle_do_not_disturb(self) -> None:
        """Let calls in no longer, or again; what rings now is refused."""
        self._board.show(do_not_disturb=not self._board.situation.do_not_disturb)
        self._switch_ring()
        if self._board.situation.do_not_disturb:
            for line in self.ringing:
                self._refuse(line, self._decide(line))

    def feedback(self, score: int, issue: str | None = None) -> None:
        """Tell the service how good the call that is on, or else the last one, was; InvalidStateError before any."""
        if self._last is None:
            raise InvalidStateError("there was no call yet")
        self._last.connection.post_feedback(score, issue)
        self._board.tell("feedback", str(score))

    def signal_far_end(self, pcm: bytes) -> None:
        """Let the far end of the call that is on hear this tone, 48 kHz mono int16, whether muted or not."""
        stream = self.current.connection.get_local_stream() if self.current is not None else None
        if stream is not None:
            stream.signal(pcm)

    def signal_both(self, pcm: bytes) -> None:
        """Let both ends of the call that is on hear this tone."""
        if self.current is not None:
            self._sounds.signal(pcm)
            self.signal_far_end(pcm)

    def end_calls(self) -> None:
        """Hang up what is on, and refuse what rings, without asking whether anything does."""
        for line in [*([self.current] if self.current is not None else []), *self.ringing]:
            line.hang_up()

    def _switch_ring(self) -> None:
        self._sounds.may_ring(not self._board.situation.do_not_disturb)

    # --- incoming calls ---

    def _on_incoming(self, connection: Connection) -> None:
        if self._waiting.knows(connection):
            return  # somebody answered it before it was presented
        caller = str(connection.parameters.get("From", ""))
        crossing = self._dials(caller)
        if self.current is not None and not crossing and self._settings.busy_calls == "ignore":
            connection.ignore()
            return
        self._board.tell("incoming", caller)
        line = Line(connection, self.calls.begin(INCOMING, caller))
        self._waiting.add(line)
        self._follow(line)
        if crossing:
            self._cross(line)
            return
        decided = self._decide(line)
        if decided in (CallDecision.REJECT, CallDecision.IGNORE):
            self._refuse(line, decided)
            return
        if decided is CallDecision.ANSWER:
            line.after(self._settings.auto_answer_delay_ms / 1000, lambda: self._answer_by_itself(line))
        line.after(limit_s(self._settings.max_ring_s), connection.ignore)
        self._tell_calls()

    def _decide(self, line: Line) -> CallDecision:
        undisturbed = self._board.situation.do_not_disturb
        return decide(self._settings, line.record.peer, busy=self._is_busy(line), do_not_disturb=undisturbed)

    def _is_busy(self, besides: Line) -> bool:
        """Whether another call is on, or is being accepted."""
        return self.current is not None or self._waiting.accepted not in (None, besides)

    def _answered(self) -> Connection | None:
        """The call that a press has answered, or that is being answered; None when nothing rings."""
        if self.current is not None:
            return None
        for connection in self.device.connections:
            self._on_incoming(connection)  # the Device may not have told of it yet
        if (line := self._waiting.accepted) is None and self._waiting.unanswered:
            if not self._settings.call_button_answers:
                raise InvalidStateError("a call rings, and [answering] call_button_answers keeps this button from it")
            line = next(line for line in self.ringing if line.pending)
            self._accept(line)
        return line.connection if line is not None else None

    # --- two who dial each other ---

    def _dials(self, caller: str) -> bool:
        """Whether the call that is being dialled is one to this caller."""
        line = self.current
        dialling = line is not None and not line.incoming and not line.answered
        return dialling and line is not None and crosses(line.record.peer, caller, self._identity)

    def _cross(self, line: Line) -> None:
        line.crosses = True
        line.after(crossing_wait_s(self._identity, line.record.peer), lambda: self._meet(line))

    def _meet(self, line: Line) -> None:
        """Take the other one's call, unless it has taken ours; of the two calls one is told of."""
        if not line.pending:
            return
        if self._dials(line.record.peer) and self.current is not None:
            self.calls.forget(self.current.record)
            self._accept(line)
        elif self.current is None:
            self._accept(line)
        else:
            line.ignore()

    @staticmethod
    def _refuse(line: Line, decided: CallDecision) -> None:
        if decided is CallDecision.REJECT:
            line.connection.reject()
        else:
            line.ignore()

    def _answer_by_itself(self, line: Line) -> None:
        if line.pending and not self._is_busy(line):
            self._accept(line)

    def _accept(self, line: Line) -> None:
        line.move_on()
        line.taken = True
        if self.current is not None:
            self.current.ended_here = True
        line.connection.mute(self._push_to_talk and not self._talks)
        self._sounds.connecting()
        line.connection.accept()
        self._tell_calls()

    # --- outgoing calls ---

    def _call(self, params: dict[str, str]) -> Connection:
        try:
            connection = self.device.connect(params)
        except UsageError:
            if self.current is None:
                self._sounds.failed()
            raise
        self._last_dialled = params
        connection.mute(self._push_to_talk and not self._talks)
        self.current = self._last = line = Line(connection, self.calls.begin(OUTGOING, params["To"]))
        line.taken = True
        self._follow(line)
        line.after(limit_s(self._settings.max_ring_s), line.give_up)
        self._board.tell("dialling", params["To"])
        self._sounds.dialling()
        self._tell_calls()
        return connection

    def _on_ringing(self, line: Line, has_early_media: bool) -> None:
        self._board.tell("ringing")
        if line is self.current:
            self._sounds.ringing_there(has_early_media)

    # --- every call ---

    def _follow(self, line: Line) -> None:
        connection = line.connection
        connection.on("accept", lambda _connection: self._on_accept(line))
        connection.on("ringing", lambda early: self._on_ringing(line, early))
        connection.on("error", lambda error: self._board.tell("call failed", error))
        connection.on("mute", lambda muted, _connection: self._on_mute(muted))
        connection.on("reconnecting", lambda _error: self._on_recovery(line, "reconnecting"))
        connection.on("reconnected", lambda: self._on_recovery(line, "reconnected"))
        connection.on("digit", lambda digit: self.emit("digit", digit))
        connection.on("sample", lambda _sample: self.emit("sample"))
        for event in ENDS:
            connection.on(event, lambda *_args, name=event: self._on_end(line, name))

    def _on_accept(self, line: Line) -> None:
        if self.current is not None and self.current is not line:
            self.current.hang_up()  # the two were accepted at one time
        line.answer()
        self._sounds.talking(line.incoming)
        if self._push_to_talk:
            line.connection.mute(not self._talks)
        self._waiting.remove(line)
        self.current = self._last = line
        limit = self._settings.max_talk_s
        line.after(limit_s(limit), line.connection.disconnect)
        line.after(limit_s(limit - warning_s(limit)), lambda: self._warn(line))
        self._board.tell("accept", line.connection.parameters.get("CallSid"))
        self._tell_calls()

    def _warn(self, line: Line) -> None:
        self._board.tell("soon over")
        if line is self.current:
            self.signal_both(tones.soon_over())

    def _on_mute(self, muted: bool) -> None:
        self._board.tell("mute" if muted else "unmute")
        self._tell_calls()

    def _on_recovery(self, line: Line, event: str) -> None:
        self._board.tell(event)
        if line is self.current:
            self._sounds.recovering(event == "reconnecting")
        self._tell_calls()

    def _on_end(self, line: Line, event: str) -> None:
        if event == "transportClose" and not line.pending:
            return  # only a call that nobody answered dies with its socket (spec: device 7.1)
        line.end(event)
        if line.crosses and not line.answered:
            self.calls.forget(line.record)
        self._waiting.remove(line)
        if line is self.current:
            self.current = None
        if line.taken and self.current is None and self._waiting.accepted is None:
            self._sounds.over(failed=line.failed)
        self._board.tell(event)
        self._tell_calls()

    def _forget_dropped(self) -> None:
        """The Device has dropped calls that did not end: nobody can take them any more."""
        for line in self._waiting.dropped():
            self._on_end(line, "transportClose")

    # --- small things ---

    def _current(self) -> Line:
        if self.current is None:
            raise InvalidStateError("no call is on")
        return self.current

    def _all_ringing(self) -> list[Line]:
        if not self.ringing:
            raise InvalidStateError("no call rings, and none is on")
        return self.ringing

    def _tell_calls(self) -> None:
        """Let the situation follow the calls."""
        line = self.current or self._waiting.accepted
        on = line.connection if line is not None else None
        phase = IDLE if on is None else _PHASES.get(on.status(), DIALLING)
        muted = on is not None and on.is_muted()
        self._board.show(phase=phase, muted=muted, ringing=self._waiting.unanswered)


_PHASES: Mapping[str, str] = {"open": IN_CALL, "reconnecting": RECONNECTING, "closed": IDLE}
