"""The attendant: turns button actions into calls, and calls into what the box shows.

It owns the box's `Situation`. Everything happens on the hub; nothing here knows pins or cards.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import gevent

from agent.errors import UsageError
from agent.events import Emitter
from agent.kiosk.answering import AnsweringSettings, answers_by_itself, ring_limit_s, talk_limit_s
from agent.kiosk.call_log import CallLog
from agent.kiosk.situation import Situation
from agent.voice.connection import Connection
from agent.voice.device import Device
from hw.actions import END_PUSH_TO_TALK, Action

log = logging.getLogger(__name__)

Perform = Callable[[Action], None]


class Attendant(Emitter):
    """Events: `situation`(Situation) after each change, `moment`(name, detail) for a timeline of the box's life."""

    def __init__(self, device: Device, settings: AnsweringSettings, extras: Mapping[str, Perform]) -> None:
        """`extras` performs the actions that are not about calls: door, volume_up, volume_down."""
        super().__init__()
        self.device = device
        self.settings = settings
        self.situation = Situation(do_not_disturb=settings.do_not_disturb)
        self.current: Connection | None = None
        self.calls = CallLog()
        self._last: Connection | None = None
        self._sample: Any = None
        self._last_dialled: dict[str, str] | None = None
        self._pending: list[Connection] = []
        self._timers: dict[Connection, list[gevent.Greenlet]] = {}
        self._actions: dict[str, Callable[[Action], None]] = {
            "accept": lambda _: self._accept(),
            "reject": lambda _: self._each_pending("reject"),
            "ignore": lambda _: self._each_pending("ignore"),
            "hang_up": lambda _: self._hang_up(),
            "mute": lambda _: self._toggle_mute(),
            "push_to_talk": lambda _: self._mute(False),
            END_PUSH_TO_TALK: lambda _: self._mute(True),
            "call": self._call_somebody,
            "answer_or_hang_up": lambda _: self._answer_or_hang_up(),
            "redial": lambda _: self._redial(),
            "do_not_disturb": lambda _: self._toggle_do_not_disturb(),
            "feedback": lambda action: self._feedback(action),
            **extras,
        }
        self._listen()

    # --- actions ---

    def act(self, action: Action) -> None:
        """Perform a button's action; one that makes no sense now is logged and does nothing."""
        self.emit("moment", "action", action.name)
        perform = self._actions.get(action.name)
        if perform is None:
            log.warning("the action %r is not available on this box", action.name)
            return
        try:
            perform(action)
        except UsageError as error:
            log.info("action %s not possible now: %s", action.name, error)

    def call(self, to: str, params: Mapping[str, str] | None = None) -> Connection:
        """Place a call to a number or an identity; raises InvalidStateError while another call is active."""
        return self._call({"To": to, **(params or {})})

    def _call_somebody(self, action: Action) -> None:
        self.call(action.target, action.parameters)

    def _accept(self) -> None:
        if self._pending:
            self._pending[0].accept()

    def _each_pending(self, method: str) -> None:
        for connection in list(self._pending):
            getattr(connection, method)()

    def _hang_up(self) -> None:
        if self.current is not None:
            self.current.disconnect()
        else:
            self._each_pending("reject")

    def _answer_or_hang_up(self) -> None:
        if self._pending:
            self._accept()
        else:
            self._hang_up()

    def _toggle_mute(self) -> None:
        if self.current is not None:
            self.current.mute(not self.current.is_muted())

    def _mute(self, flag: bool) -> None:
        if self.current is not None:
            self.current.mute(flag)

    def _call(self, params: dict[str, str]) -> Connection:
        connection = self.device.connect(params)
        self._last_dialled = params
        self.calls.began(connection, "outgoing", params.get("To", ""))
        self._follow(connection)
        self._begin(connection, "dialling", params.get("To", ""))
        return connection

    def _redial(self) -> None:
        if self._last_dialled is not None:
            self._call(self._last_dialled)

    def _toggle_do_not_disturb(self) -> None:
        self._show(do_not_disturb=not self.situation.do_not_disturb)

    def _feedback(self, action: Action) -> None:
        if self._last is not None:
            self._last.post_feedback(int(action.target), action.parameters.get("issue"))

    # --- what happens to calls ---

    def _listen(self) -> None:
        self.device.on("ready", self._on_ready)
        self.device.on("offline", lambda _device: self._on_offline())
        self.device.on("incoming", self._on_incoming)
        self.device.on("error", lambda error: self.emit("moment", "error", str(error)))

    def _on_ready(self, _device: Device) -> None:
        if not self.situation.registered:
            self.emit("moment", "ready", "")
        self._show(registered=True, booting=False, error="")

    def _on_offline(self) -> None:
        self.emit("moment", "offline", "")
        self._show(registered=False)

    def _on_incoming(self, connection: Connection) -> None:
        caller = str(connection.parameters.get("From", ""))
        self.emit("moment", "incoming", caller)
        if self.situation.do_not_disturb:
            connection.reject()
            return
        self._pending.append(connection)
        self.calls.began(connection, "incoming", caller)
        self._follow(connection)
        if self.current is None:
            self._show(phase="ringing")
        if answers_by_itself(self.settings, caller):
            self._after(connection, self.settings.auto_answer_delay_ms / 1000, connection.accept)
        limit_s = ring_limit_s(self.settings)
        if limit_s is not None:
            self._after(connection, limit_s, connection.ignore)

    def _follow(self, connection: Connection) -> None:
        connection.on("accept", lambda _connection: self._on_accept(connection))
        connection.on("ringing", lambda _early: self.emit("moment", "ringing", ""))
        connection.on("mute", lambda muted, _connection: self._on_mute(muted))
        connection.on("reconnecting", lambda _error: self._on_phase(connection, "reconnecting"))
        connection.on("reconnected", lambda: self._on_phase(connection, "in_call"))
        connection.on("sample", lambda sample: self._on_sample(connection, sample))
        connection.on("digit", lambda digit: self.emit("digit", connection, digit))
        for event in ("disconnect", "cancel", "reject", "transportClose"):
            connection.on(event, lambda *_args, name=event: self._on_end(connection, name))

    def _on_accept(self, connection: Connection) -> None:
        self._cancel_timers(connection)
        self._begin(connection, "in_call", "")
        self.calls.answered(connection)
        self.emit("moment", "accept", connection.parameters.get("CallSid", ""))
        limit_s = talk_limit_s(self.settings)
        if limit_s is not None:
            self._after(connection, limit_s, connection.disconnect)

    def _begin(self, connection: Connection, phase: str, detail: str) -> None:
        if connection in self._pending:
            self._pending.remove(connection)
        self.current = self._last = connection
        self._show(phase=phase, muted=connection.is_muted())
        if phase == "dialling":
            self.emit("moment", "dialling", detail)

    def _on_mute(self, muted: bool) -> None:
        self.emit("moment", "mute" if muted else "unmute", "")
        self._show(muted=muted)

    def _on_sample(self, connection: Connection, sample: Any) -> None:
        if connection is self.current:
            self._sample = sample

    def _on_phase(self, connection: Connection, phase: str) -> None:
        self.emit("moment", "reconnecting" if phase == "reconnecting" else "reconnected", "")
        if connection is self.current:
            self._show(phase=phase)

    def _on_end(self, connection: Connection, event: str) -> None:
        if event == "transportClose" and connection.status() != "pending":
            return  # only a call that nobody answered dies with its socket (spec: device 7.1)
        self._cancel_timers(connection)
        self.calls.ended(connection, event)
        if connection in self._pending:
            self._pending.remove(connection)
        if connection is self.current:
            self.current = None
        self.emit("moment", event, "")
        if self.current is None:
            self._show(phase="ringing" if self._pending else "idle", muted=False)

    # --- small things ---

    def _after(self, connection: Connection, delay_s: float, act: Callable[[], Any]) -> None:
        self._timers.setdefault(connection, []).append(gevent.spawn_later(delay_s, act))

    def _cancel_timers(self, connection: Connection) -> None:
        here = gevent.getcurrent()
        for timer in self._timers.pop(connection, []):
            if timer is not here:
                timer.kill(block=False)

    def describe_call(self) -> dict[str, Any] | None:
        """The call that is on, or the first that rings, as the page shows it; None when there is none."""
        connection = self.current or next(iter(self._pending), None)
        record = self.calls.find(connection)
        if connection is None or record is None:
            return None
        sample = self._sample if connection is self.current else None
        return {
            "direction": record.direction,
            "peer": record.peer,
            "status": connection.status(),
            "since_ms": round((record.answered_s or record.at_s) * 1000),
            "muted": connection.is_muted(),
            "codec": connection.codec,
            "rtt_ms": getattr(sample, "rtt", None),
            "loss_percent": getattr(sample, "packets_lost_fraction", None),
            "mos": getattr(sample, "mos", None),
        }

    def note(self, **facts: Any) -> None:
        """Change facts that others find out: sound_ok, door_open, error."""
        self._show(**facts)

    def _show(self, **facts: Any) -> None:
        situation = self.situation.with_(**facts)
        if situation != self.situation:
            self.situation = situation
            self.emit("situation", situation)
