"""The calls of one box from their beginning to their end: at most one is on, any number waits.

Everything happens on the hub; nothing here decides whether a call is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic

from agent.config.settings import AnsweringSettings
from agent.errors import InvalidStateError, UsageError, VoiceError
from agent.events import Emitter
from agent.kiosk.answering import limit_s, warning_s
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_state import DIALLING, IDLE, IN_CALL, RECONNECTING
from agent.kiosk.call_log import CallLog
from agent.kiosk.call_sounds import CallSounds
from agent.kiosk.line import Line
from agent.kiosk.outcomes import INCOMING, OUTGOING
from agent.kiosk.upcoming_call import UpcomingCall
from agent.kiosk.waiting import Waiting
from agent.kiosk.wish import Wish
from agent.voice.call_ids import INCOMING as CALLED
from agent.voice.connection import Connection
from agent.voice.device import Device
from hw.sound import tones

ENDS = ("disconnect", "cancel", "reject", "transportClose")
_PHASES: Mapping[str, str] = {"open": IN_CALL, "reconnecting": RECONNECTING, "closed": IDLE}


class Lines(Emitter):
    """Begins, follows and ends calls, and lets the box's state, sounds and list of calls go with them.

    Events: `digit`(str, line) that the far end pressed in a call, `sample`() when there are new figures of its quality,
    `ended`(record) of each call that is over and stays in the list, `recovery`(error) when one begins to recover.
    """

    def __init__(
        self,
        device: Device,
        settings: AnsweringSettings,
        sounds: CallSounds,
        board: Noticeboard,
        *,
        push_to_talk: bool = False,
    ) -> None:
        """Keep the calls of this Device; `push_to_talk`: they begin muted, because a button opens the microphone."""
        super().__init__()
        self.device = device
        self.calls = CallLog()
        self.current: Line | None = None
        self.last: Line | None = None  # that was on
        self.waiting = Waiting(device)
        self._settings = settings
        self._sounds = sounds
        self._board = board
        self._push_to_talk = push_to_talk
        self._talks = False
        self._upcoming = UpcomingCall()
        device.on_pending_changed = self._forget_dropped
        device.on("resumed", self.resumed)

    def use(self, settings: AnsweringSettings, *, push_to_talk: bool) -> None:
        """Treat calls like this from the next one on."""
        self._settings = settings
        self._push_to_talk = push_to_talk

    def is_busy(self, besides: Line | None = None) -> bool:
        """Tell whether another call is on, or is being accepted."""
        return self.is_on or self.waiting.accepted not in (None, besides)

    @property
    def is_on(self) -> bool:
        """Whether a call is on, or is being dialled."""
        return self.current is not None or self._upcoming.is_planned

    # --- how they begin ---

    def arrived(self, connection: Connection, caller: str, *, crosses: bool) -> Line:
        """Take in a call that somebody makes to this box; `crosses`: whom the call that is on dials."""
        line = Line(connection, self.calls.begin(INCOMING, caller))
        line.crosses = crosses
        self.waiting.add(line)
        self._follow(line)
        self._board.tell("incoming", caller)
        return line

    def accept(self, line: Line) -> None:
        """Take a call that waits; the one that is on ends."""
        line.move_on()
        line.taken = True
        if self.current is not None:
            self.current.ended_here = True
        line.connection.mute(self._push_to_talk and not self._talks)
        self._sounds.connecting()
        line.connection.accept()
        self.tell()

    def dial(self, wish: Wish) -> Line:
        """Call whom somebody wants; raises UsageError when the Device cannot, InvalidStateError while it dials.

        A call that goes with its socket is placed again: nobody in front of the box can know that the socket is lost.
        """
        if self._upcoming.is_planned:
            raise InvalidStateError("a call is being dialled already")
        line = self._dial(wish)
        self._sounds.dialling()
        self.tell()
        return line

    def _dial(self, wish: Wish) -> Line:
        params = wish.all_params()
        try:
            connection = self.device.connect(params)
        except UsageError:
            if self.current is None:
                self._sounds.unreachable()
            raise
        connection.mute(self._push_to_talk and not self._talks)
        self.current = self.last = line = Line(connection, self.calls.begin(OUTGOING, params["To"]))
        line.taken = True
        line.wish = wish
        self._follow(line)
        line.after(wish.ring_s, line.give_up)
        self._board.tell("dialling", params["To"])
        return line

    def stop_dialling(self) -> bool:
        """Give up a call that is about to be dialled; False when there is none."""
        return self._upcoming.cancel()

    def resumed(self, connection: Connection) -> None:
        """Go on with a call that the process before this one was in."""
        incoming = connection.direction == CALLED
        peer = str(connection.parameters.get("From", "") if incoming else connection.custom_parameters.get("To", ""))
        line = Line(connection, self.calls.begin(INCOMING if incoming else OUTGOING, peer))
        line.taken = True
        self.current = self.last = line
        self._follow(line)
        self._board.tell("resumed", peer)
        self._sounds.recovering(True)
        self.tell()

    # --- while they are on ---

    def on_now(self) -> Line:
        """Return the call that is on; raises InvalidStateError without one."""
        if self.current is None:
            raise InvalidStateError("no call is on")
        return self.current

    def talk(self, talks: bool) -> None:
        """Push-to-talk: open the microphone, or close it again; also before a call begins."""
        self._talks = talks
        if self.current is not None:
            self.current.connection.mute(not talks)

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

    def end_all(self) -> None:
        """Hang up what is on, and refuse what rings, without asking whether anything does."""
        self.stop_dialling()
        for line in [*([self.current] if self.current is not None else []), *self.waiting.lines]:
            line.hang_up()

    def tell(self) -> None:
        """Let the box's state follow the calls."""
        line = self.current or self.waiting.accepted
        on = line.connection if line is not None else None
        without = DIALLING if self._upcoming.is_planned else IDLE
        phase = _PHASES.get(on.status(), DIALLING) if on is not None else without
        muted = on is not None and on.is_muted()
        held = line is not None and line.held
        self._board.show(phase=phase, held=held, muted=muted, ringing=self.waiting.unanswered)

    # --- what becomes of them ---

    def _follow(self, line: Line) -> None:
        connection = line.connection
        connection.on("accept", lambda _connection: self._on_accept(line))
        connection.on("ringing", lambda early: self._on_ringing(line, early))
        connection.on("error", lambda error: self._board.tell("call failed", error))
        connection.on("mute", lambda muted, _connection: self._on_mute(muted))
        connection.on("reconnecting", lambda error: self._on_recovery(line, "reconnecting", error))
        connection.on("reconnected", lambda: self._on_recovery(line, "reconnected"))
        connection.on("hold", lambda held: self._on_hold(line, held))
        connection.on("digit", lambda digit: self.emit("digit", digit, line))
        connection.on("sample", lambda _sample: self.emit("sample"))
        for event in ENDS:
            connection.on(event, lambda *_args, name=event: self._on_end(line, name))

    def _on_ringing(self, line: Line, has_early_media: bool) -> None:
        self._board.tell("ringing")
        if line is self.current:
            self._sounds.ringing_there(has_early_media)

    def _on_accept(self, line: Line) -> None:
        if self.current is not None and self.current is not line:
            self.current.hang_up()  # the two were accepted at one time
        line.answer()
        self._sounds.talking(line.incoming)
        if self._push_to_talk:
            line.connection.mute(not self._talks)
        self.waiting.remove(line)
        if line.unasked or self.waiting.unanswered:
            line.shield()
        self.current = self.last = line
        limit = self._settings.max_talk_s
        line.after(limit_s(limit), line.connection.disconnect)
        line.after(limit_s(limit - warning_s(limit)), lambda: self._warn(line))
        self._board.tell("accept", line.connection.parameters.get("CallSid"))
        if line.record.answered_by not in ("", line.record.peer):
            self._board.tell("answered by", line.record.answered_by)
        self.tell()

    def _warn(self, line: Line) -> None:
        self._board.tell("soon over")
        if line is self.current:
            self.signal_both(tones.soon_over())

    def _on_hold(self, line: Line, held: bool) -> None:
        line.held = held
        self._board.tell("held" if held else "held no more")
        self.tell()

    def _on_mute(self, muted: bool) -> None:
        self._board.tell("mute" if muted else "unmute")
        self.tell()

    def _on_recovery(self, line: Line, event: str, error: VoiceError | None = None) -> None:
        self._board.tell(event)
        if event == "reconnecting":
            self.emit("recovery", error)
        if line is self.current:
            self._sounds.recovering(event == "reconnecting")
        self.tell()

    def _on_end(self, line: Line, event: str) -> None:
        if event == "transportClose" and not line.pending:
            line.socket_lost = True
            return  # only a call that nobody answered dies with its socket (spec: device 7.1)
        line.end(event)
        if line.crosses and not line.answered:
            self.calls.forget(line.record)
        self.waiting.remove(line)
        if line is self.current:
            self.current = None
        if line.crosses and self.current is not None:
            self.current.shield()
        if line.taken and self.current is None and self.waiting.accepted is None:
            self._tell_end(line)
        self._board.tell(event)
        if self.calls.has(line.record):
            self.emit("ended", line.record)
        self.tell()

    def _tell_end(self, line: Line) -> None:
        """Let it be heard that what was wanted is over, unless it begins anew."""
        if line.wish is not None and line.goes_on:
            self.calls.forget(line.record)
            # Later, because whoever takes the socket away is not done yet.
            self._upcoming.plan(0, self._dial_again, line.wish)
        elif line.failed and line.wish is not None and (following := line.wish.next(now := monotonic())):
            self._upcoming.plan(following.begun_s - now, self._dial_next, following)
        elif line.failed and line.unreached:
            self._sounds.unreachable()
        else:
            self._sounds.over(failed=line.failed)

    def _dial_again(self, wish: Wish) -> None:
        if self.current is None and not self.waiting.lines:  # else somebody was quicker
            self._dial_unasked(wish, self._sounds.dialling)

    def _dial_next(self, wish: Wish) -> None:
        """Call whoever comes next, while the one who waits hears that it rings."""
        if not self.is_busy():
            self._dial_unasked(wish, self._sounds.dialling_next)

    def _dial_unasked(self, wish: Wish, let_hear: Callable[[], None]) -> None:
        try:
            self._dial(wish)
            let_hear()
        except UsageError as error:
            self._board.tell("call failed", error)
        self.tell()

    def _forget_dropped(self) -> None:
        """The Device has dropped calls that did not end: nobody can take them any more."""
        for line in self.waiting.dropped():
            self._on_end(line, "transportClose")
