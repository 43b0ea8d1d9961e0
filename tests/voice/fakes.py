"""Stand-ins for the two neighbours of a Device, and a clock that a test moves by hand."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import gevent

from agent.events import Emitter
from agent.media.settings import MediaSettings
from agent.media.stats import LevelSnapshots, RawStats


def settle() -> None:
    """Let every greenlet run until none has anything left to do."""
    for _ in range(30):
        gevent.sleep(0)


class FakeTimer:
    def __init__(self, due: float, call: Callable[[], Any]) -> None:
        self.due = due
        self.call: Callable[[], Any] | None = call

    def cancel(self) -> None:
        self.call = None


class FakeClock:
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def now(self) -> float:
        return self._now

    def call_later(self, delay_s: float, fn: Callable[..., Any], *args: Any) -> FakeTimer:
        timer = FakeTimer(self._now + max(0.0, delay_s), lambda: fn(*args))
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def advance(self, seconds: float = 0.0) -> None:
        """Let this much time pass, and run what becomes due, in order."""
        end = self._now + seconds
        settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            if timer.call is not None:
                timer.call()
            settle()
        self._now = end

    def next_due(self) -> float | None:
        """When the next timer fires, if any waits."""
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None


class FakeStream(Emitter):
    """Keeps the frames that would be sent, and lets a test say what the server says."""

    def __init__(self, token: str, uris: list[str], **options: Any) -> None:
        super().__init__()
        self.token = token
        self.uris = uris
        self.options = options
        self.status = "disconnected"
        self.gateway: str | None = None
        self.region: str | None = None
        self.edge: str | None = None
        self.home: str | None = None
        self.identity: str | None = None
        self.token_ttl_s: float | None = None
        self.home: str | None = None
        self.frames: list[tuple[str, dict[str, Any]]] = []
        self.changes_of_network = 0
        self.opened = False
        self.preferred = False

    def open(self) -> None:
        self.opened = True

    def connect(self) -> None:
        """The socket opens and the server takes the registration."""
        self.status = "connected"
        self.emit("transport_open", {})
        self.say("connected", region="US_EAST_VIRGINIA")
        self.say("ready")

    def say(self, type_: str, /, **payload: Any) -> None:
        """The server says something."""
        self.region = payload.get("region") or self.region
        if type_ == "connected":
            self.edge, self.home = payload.get("edge"), payload.get("home")
            self.identity = (payload.get("token") or {}).get("identity")
            self.token_ttl_s = payload.get("token", {}).get("ttl")
            self.home = payload.get("home")
        if type_ in ("ready", "offline"):
            self.status = type_
        self.emit(type_, payload)

    def lose(self) -> None:
        """The socket breaks."""
        self.emit("transport_close", {})
        self.status = "offline"
        self.emit("offline", {})
        self.status = "disconnected"

    def destroy(self) -> None:
        self.status = "offline"
        self.emit("offline", {})

    def set_token(self, token: str) -> None:
        self.token = token
        self.frames.append(("listen", {"token": token}))

    def register(self, audio: bool) -> None:
        self.frames.append(("register", {"media": {"audio": audio}}))

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> None:
        twilio = {"params": params} if params else {}
        self.frames.append(("invite", {"callsid": callsid, "sdp": sdp, "preflight": preflight, "twilio": twilio}))

    def reconnect(self, sdp: str, callsid: str, reconnect_token: str) -> None:
        self.frames.append(("invite", {"callsid": callsid, "reconnect": reconnect_token, "sdp": sdp, "twilio": {}}))

    def message(self, callsid: str | None, content: Any, content_type: str, message_type: str, sid: str) -> None:
        payload = {"callsid": callsid, "content": content, "contenttype": content_type, "messagetype": message_type}
        self.frames.append(("message", payload | {"voiceeventsid": sid}))

    def prefer_current_uri(self) -> None:
        self.preferred = True

    def forget_preferred_uri(self) -> None:
        self.preferred = False

    def answer(self, sdp: str, callsid: str) -> None:
        self.frames.append(("answer", {"sdp": sdp, "callsid": callsid}))

    def reinvite(self, sdp: str, callsid: str) -> None:
        self.frames.append(("reinvite", {"sdp": sdp, "callsid": callsid}))

    def dtmf(self, callsid: str | None, digits: str) -> None:
        self.frames.append(("dtmf", {"callsid": callsid, "dtmf": digits}))

    def hangup(self, callsid: str | None, message: str | None = None) -> None:
        self.frames.append(("hangup", {"callsid": callsid} | ({"message": message} if message else {})))

    def reject(self, callsid: str | None) -> None:
        self.frames.append(("reject", {"callsid": callsid}))

    def network_changed(self) -> None:
        self.changes_of_network += 1

    def sent(self, *types: str) -> list[str]:
        """The types of the frames sent, or how those of the given types follow each other."""
        return [type_ for type_, _ in self.frames if not types or type_ in types]

    def last(self, type_: str) -> dict[str, Any]:
        """The payload of the latest frame of a type."""
        return next(payload for sent, payload in reversed(self.frames) if sent == type_)


class FakeSession(Emitter):
    """A media session that agrees to everything at once; a test may make it fail, and says what its path does."""

    def __init__(self, settings: MediaSettings | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.signaling_state = "stable"
        self.ice_connection_state = "new"
        self.local_sdp: str | None = None
        self.local_stream = object()
        self.remote_stream: object | None = None
        self.can_insert_dtmf = True
        self.muted = False
        self.closed = False
        self.constraints: Any = None
        self.inserted: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.capture_gate: gevent.event.Event | None = None
        self.applied: list[str] = []
        self.raw = RawStats(timestamp_ms=0)
        self.snapshots = LevelSnapshots()
        self._offers = itertools.count(1)

    def open_capture(self, constraints: Any) -> None:
        self.constraints = constraints
        if self.capture_gate is not None:
            self.capture_gate.wait()
        self._perhaps_fail("open_capture")

    def create_offer(self) -> str:
        self._perhaps_fail("create_offer")
        return self._offer()

    def apply_answer(self, sdp: str) -> None:
        self._perhaps_fail("apply_answer")
        self.applied.append(sdp)
        restarts = self.remote_stream is not None
        self._signal("stable")
        if not restarts:
            self._track()

    def answer_offer(self, sdp: str) -> str:
        self._perhaps_fail("answer_offer")
        if self.remote_stream is not None:
            return "own restart answer"
        self._signal("have-remote-offer")
        self._track()
        self.local_sdp = "own answer"
        self._signal("stable")
        return self.local_sdp

    def create_restart_offer(self) -> str:
        self._perhaps_fail("create_restart_offer")
        return self._offer()

    def withdraw_offer(self) -> None:
        self.local_sdp = "own description before"
        self._signal("stable")

    def replace_answer(self, sdp: str) -> None:
        self._perhaps_fail("replace_answer")
        self.applied.append(sdp)

    def mute(self, flag: bool) -> None:
        self.muted = flag

    def insert_dtmf(self, tones: str, duration_ms: int = 160, gap_ms: int = 70) -> None:
        self.inserted.append(tones)

    def stats(self) -> RawStats:
        return self.raw

    def take_snapshots(self) -> LevelSnapshots:
        return self.snapshots

    def close(self) -> None:
        self.closed = True

    def path(self, state: str) -> None:
        """The ICE connection state becomes this."""
        self.ice_connection_state = state
        self.emit("ice_connection_state", state)

    def _offer(self) -> str:
        self.local_sdp = f"own offer {next(self._offers)}"
        self._signal("have-local-offer")
        return self.local_sdp

    def _signal(self, state: str) -> None:
        self.signaling_state = state
        self.emit("signaling_state", state)

    def _track(self) -> None:
        self.remote_stream = object()
        self.emit("track", self.remote_stream)

    def _perhaps_fail(self, step: str) -> None:
        if step in self.failures:
            raise self.failures[step]


class FakePublisher:
    """Keeps the Insights events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, dict[str, Any]]] = []
        self.metrics: list[list[dict[str, Any]]] = []
        self.token = ""

    def post(self, level: str, group: str, name: str, payload: Any) -> str:
        self.events.append((level, group, name, payload))
        return "posted"

    def post_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> None:
        self.metrics.append(entries)

    def set_token(self, token: str) -> None:
        self.token = token

    def close(self, timeout_s: float = 0.0) -> None: ...

    def named(self, group: str) -> list[str]:
        """The names of the events of one group, in order."""
        return [name for _, event_group, name, _ in self.events if event_group == group]


def held(owner: Any, refusal: Exception | None = None) -> gevent.event.Event:
    """Microphones of the next sessions open only when the event is set, or else fail so then."""
    gate = gevent.event.Event()

    def hold(session: FakeSession) -> None:
        session.capture_gate = gate
        if refusal is not None:
            session.failures["open_capture"] = refusal

    owner.next_session = hold
    return gate
