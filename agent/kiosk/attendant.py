"""The attendant: decides about the calls of one box, by the rules of `[answering]` and as somebody at the box wants.

Everything happens on the hub; nothing here knows pins, cards or settings files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.config.directory import Entries
from agent.config.settings import AnsweringSettings
from agent.errors import InvalidStateError
from agent.kiosk.answering import CallDecision, bare_name, crosses, crossing_wait_s, decide, limit_s
from agent.kiosk.bells import Bells
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.call_sounds import CallSounds
from agent.kiosk.line import Line
from agent.kiosk.lines import Lines
from agent.voice.connection import Connection
from agent.voice.stream_extras import NotTaken, decline


class Attendant:
    """Any number of calls may ring; which is taken, and what becomes of the others, is decided here."""

    def __init__(
        self,
        lines: Lines,
        identity: str,
        settings: AnsweringSettings,
        sounds: CallSounds,
        board: Noticeboard,
        name: Callable[[str], str] = bare_name,
        entries: Entries | None = None,
    ) -> None:
        """Attend to these calls; `identity` is ours, `name` writes whom one dials and who calls in one way.

        `entries` are the directory of whom buttons call.
        """
        self.lines = lines
        self._identity = identity
        self._name = name
        self._settings = settings
        self._sounds = sounds
        self._board = board
        self._bells = Bells(lines, settings, entries or {}, board)
        lines.device.on("incoming", self._on_incoming)
        self._switch_ring()

    def use(self, settings: AnsweringSettings, entries: Entries, *, push_to_talk: bool) -> None:
        """Attend like this from the next call on."""
        self._settings = settings
        self._bells.use(settings, entries)
        self.lines.use(settings, push_to_talk=push_to_talk)

    @property
    def ringing(self) -> list[Line]:
        """The calls that wait for an answer or are being accepted, the one that has rung longest first."""
        return self.lines.waiting.lines

    # --- what somebody at the box can do; UsageError says why it makes no sense now ---

    def accept(self) -> None:
        """Take the call that has rung longest; a call that is on ends, unless the press must have been meant for it.

        Raises InvalidStateError when none rings.
        """
        if self._is_settled():
            return
        if not self.ringing:
            raise InvalidStateError("no call rings")
        self.lines.accept(self.ringing[0])

    def reject(self) -> None:
        """Refuse what rings, for every phone that is rung. Raises InvalidStateError when nothing rings."""
        for line in self._all_ringing():
            line.connection.reject()

    def ignore(self) -> None:
        """Stop the ringing here. Raises InvalidStateError when nothing rings."""
        for line in self._all_ringing():
            self._ignore(line)

    def hang_up(self) -> None:
        """End the call that is on or being dialled; without one, refuse what rings. Raises InvalidStateError."""
        if self.lines.stop_dialling():
            self._sounds.over(failed=False)
            self.lines.tell()
            return
        on = [self.lines.current, *self._crossing] if self.lines.current is not None else self._all_ringing()
        for line in on:
            line.hang_up()

    def answer_or_hang_up(self) -> None:
        """Take what rings, or else hang up: for a box with only one button."""
        if self.ringing or self._is_settled():
            self.accept()
        else:
            self.hang_up()

    def bell(self, to: str, params: Mapping[str, str] | None = None) -> None:
        """Take what rings, hang up what is on, or else call: the one gesture of a box with one button. UsageError."""
        self._catch_up()
        if self.ringing or self._is_settled():
            self.accept()
        elif self.lines.is_on:
            self.hang_up()
        else:
            self.call(to, params)

    def toggle_mute(self) -> None:
        """Turn the microphone off, or on again. Raises InvalidStateError without a call."""
        connection = self.lines.on_now().connection
        connection.mute(not connection.is_muted())

    def answer_or_call(self, to: str, params: Mapping[str, str] | None = None) -> Connection:
        """Take what rings, for which a press is meant then, or else `call`. Raises InvalidStateError."""
        return self._answered() or self.call(to, params)

    def answer_or_redial(self) -> Connection:
        """Take what rings, or else place the last call again. Raises InvalidStateError before the first."""
        return self._answered() or self.redial()

    def call(self, to: str, params: Mapping[str, str] | None = None) -> Connection:
        """Call an entry of the directory, a number or an identity, whatever rings; `params` go with it."""
        return self._bells.call(to, params or {})

    def call_number(self, number: str) -> Connection:
        """Call the entry of the directory that has this number, whatever rings. Raises UsageError."""
        return self._bells.call_number(number)

    def redial(self) -> Connection:
        """Place the last call again, whatever rings. Raises InvalidStateError before the first."""
        return self._bells.redial()

    def toggle_do_not_disturb(self) -> None:
        """Let calls in no longer, or again; what rings now is refused."""
        self._board.show(do_not_disturb=not self._board.situation.do_not_disturb)
        self._switch_ring()
        if self._board.situation.do_not_disturb:
            for line in self.ringing:
                self._refuse(line, self._decide(line))

    def set_do_not_disturb(self, on: bool) -> None:
        """Let calls in no longer, or again; nothing changes where that is so."""
        if on != self._board.situation.do_not_disturb:
            self.toggle_do_not_disturb()

    def feedback(self, score: int, issue: str | None = None) -> None:
        """Tell the service how good the call that is on, or else the last one, was; InvalidStateError before any."""
        if self.lines.last is None:
            raise InvalidStateError("there was no call yet")
        self.lines.last.connection.post_feedback(score, issue)
        self._board.tell("feedback", str(score))

    @property
    def _crossing(self) -> list[Line]:
        """The calls that wait for the one whom we call: they are one conversation with the call that is on."""
        return [line for line in self.ringing if line.crosses and line.pending]

    def _is_settled(self) -> bool:
        """Whether the call that a press wants answered is on already, or will be without it."""
        on = self.lines.current
        if on is None or self.lines.waiting.accepted is not None:
            return self.lines.waiting.accepted is not None
        return on.shielded or bool(self._crossing)

    def _all_ringing(self) -> list[Line]:
        if not self.ringing:
            raise InvalidStateError("no call rings, and none is on")
        return self.ringing

    def _switch_ring(self) -> None:
        self._sounds.may_ring(not self._board.situation.do_not_disturb)

    # --- incoming calls ---

    def _on_incoming(self, connection: Connection) -> None:
        if self.lines.waiting.knows(connection):
            return  # somebody answered it before it was presented
        caller = str(connection.parameters.get("From", ""))
        crossing = self._dials(caller)
        if self.lines.is_on and not crossing and self._settings.busy_calls == "ignore":
            self._decline(connection, "busy")
            connection.ignore()
            return
        line = self.lines.arrived(connection, caller, crosses=crossing)
        if crossing:
            self._cross(line)
            return
        decided = self._decide(line)
        if decided in (CallDecision.REJECT, CallDecision.IGNORE):
            self._refuse(line, decided)
            return
        if decided is CallDecision.ANSWER:
            line.after(self._settings.auto_answer_delay_ms / 1000, lambda: self._answer_by_itself(line))
        line.after(limit_s(self._settings.max_ring_s), lambda: self._let_go(connection))
        self.lines.tell()

    def _let_go(self, connection: Connection) -> None:
        """Ring no longer: nobody has come."""
        self._decline(connection, "nobody")
        connection.ignore()

    def _ignore(self, line: Line) -> None:
        self._decline(line.connection, "do_not_disturb")
        line.ignore()

    def _decline(self, connection: Connection, why: NotTaken) -> None:
        """Tell a caller by SIP, whose call then rings on at our other phones alone; others hear nothing of it."""
        decline(self.lines.device.stream, connection.parameters.get("CallSid"), why)

    def _decide(self, line: Line) -> CallDecision:
        undisturbed = self._board.situation.do_not_disturb
        return decide(self._settings, line.record.peer, busy=self.lines.is_busy(line), do_not_disturb=undisturbed)

    def _answered(self) -> Connection | None:
        """The call that a press has answered, or that is being answered; None when nothing rings."""
        if self.lines.current is not None:
            return None
        self._catch_up()
        if (line := self.lines.waiting.accepted) is None and self.lines.waiting.unanswered:
            if not self._settings.call_button_answers:
                raise InvalidStateError("a call rings, and [answering] call_button_answers keeps this button from it")
            line = next(line for line in self.ringing if line.pending)
            self.lines.accept(line)
        return line.connection if line is not None else None

    def _catch_up(self) -> None:
        """Take in what rings, of which the Device may not have told yet."""
        if self.lines.current is None:
            for connection in self.lines.device.connections:
                self._on_incoming(connection)

    # --- two who dial each other ---

    def _dials(self, caller: str) -> bool:
        """Whether the call that is being dialled is one to this caller."""
        line = self.lines.current
        dialling = line is not None and not line.incoming and not line.answered
        if line is None or not dialling:
            return False
        return any(crosses(dialled, caller, self._identity, self._name) for dialled in line.record.peer.split(","))

    def _cross(self, line: Line) -> None:
        line.after(crossing_wait_s(self._identity, line.record.peer, self._name), lambda: self._meet(line))

    def _meet(self, line: Line) -> None:
        """Take the other one's call, unless it has taken ours; of the two calls one is told of."""
        if not line.pending:
            return
        on = self.lines.current
        if on is not None and not self._dials(line.record.peer):
            line.ignore()
            return
        if on is not None:
            self.lines.calls.forget(on.record)
        self._accept_unasked(line)

    def _refuse(self, line: Line, decided: CallDecision) -> None:
        if decided is CallDecision.REJECT:
            line.connection.reject()
        else:
            self._ignore(line)

    def _answer_by_itself(self, line: Line) -> None:
        if line.pending and not self.lines.is_busy(line):
            self._accept_unasked(line)

    def _accept_unasked(self, line: Line) -> None:
        line.unasked = True
        self.lines.accept(line)
