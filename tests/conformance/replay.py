"""Plays the server's, the network's and the program's side of a transcript against our Device, in virtual time.

Everything that the recorded SDK did by itself (frames, dialling) is waited for, and moves the script: what the server
did 20 ms after a frame then, it does 20 ms after our frame now.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.ssl import SSLContext

from agent import Connection, Device
from agent.media.settings import MediaSettings
from agent.net.websocket import SocketOwner, WebSocket
from agent.quality.envelope import to_json
from agent.signaling.pstream.shell import Stream
from agent.voice.sounds import INCOMING, Sounds

from . import render
from .pacing import pace
from .scripted_media import ScriptedSession
from .server import HOSTS, Server, Socket
from .transcript import Line, Transcript
from .virtual_time import VirtualClock, settle

PATIENCE_S = 12.0  # longer than the jitter of the longest back-off
REINVITE_PATIENCE_S = 1.0
TAIL_S = 1.0
HALF_A_SAMPLE_MS = 500.0
NOT_OF_2X = ("ready", "offline", "connect", "disconnect", "cancel", "token_told")  # events of our Device

NAMING = {"invite": "callsid", "message": "voiceeventsid"}  # frames that name something, and where

PLAIN_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Seen:
    """One thing that happened: a frame, an event, the result of a call of the API, a try to connect, a report.

    Times are those of the recording: for our side, the time at which the script stood.
    """

    at_ms: float
    kind: str  # frame, event, act, dial, insights, media
    name: str  # of an event: "device ready"
    value: Any = None
    status: dict[str, str] = field(default_factory=dict)


class Publisher:
    """Keeps the Insights events, with the time."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def post(self, level: str, group: str, name: str, payload: Any) -> Any:
        self._take(level, f"{group} {name}", payload)
        return _done()

    def post_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> Any:
        self._take("INFO", f"{group} {name}", entries[0])
        return _done()

    def set_token(self, token: str) -> None: ...

    def close(self, timeout_s: float = 0.0) -> None: ...

    def _take(self, level: str, name: str, payload: Any) -> None:
        """As it would go out, as JSON; that the media is replaced is the replay's own doing."""
        payload = json.loads(to_json(payload)) | ({"RTCPeerConnection": False} if name == "settings init" else {})
        values = render.report(payload, self._replay.texts)
        self._replay.see("insights", name, {"level": level, "keys": sorted(payload), "values": values})


class RecordedSounds(Sounds):
    """Silent sounds, of which the ring takes as long to start as it took the recorded browser."""

    def __init__(self, replay: Replay) -> None:
        super().__init__(None)
        self._clock = replay.clock
        self._delays_ms = iter(replay.transcript.ring_delays_ms())

    def play(self, name: str) -> AsyncResult[None]:
        if name != INCOMING:
            return super().play(name)
        started: AsyncResult[None] = AsyncResult()
        self._clock.call_later(next(self._delays_ms, 0.0) / 1000, started.set)
        return started


class WatchedSocket(WebSocket):
    """Tells the replay of each frame at the moment it is sent."""

    def __init__(self, uri: str, context: SSLContext, owner: SocketOwner, user_agent: str, replay: Replay) -> None:
        super().__init__(uri, context, owner, user_agent)
        self._replay = replay

    def send(self, text: str) -> None:
        super().send(text)
        self._replay.frame_sent(text)


class WatchedReports:
    """Tells the replay of each report before anybody acts on it."""

    def __init__(self, owner: SocketOwner, replay: Replay) -> None:
        self._owner = owner
        self._replay = replay

    def socket_opened(self) -> None:
        self._replay.report_taken()
        self._owner.socket_opened()

    def socket_message(self, data: str | bytes) -> None:
        self._replay.report_taken()
        self._owner.socket_message(data)

    def socket_failed(self, message: str) -> None:
        self._owner.socket_failed(message)

    def socket_closed(self, code: int, reason: str) -> None:
        self._replay.report_taken(is_last=True)
        self._owner.socket_closed(code, reason)


class Replay:
    """One run; `seen` is what came of it."""

    def __init__(self, transcript: Transcript, folder: Path, clock: Any = None) -> None:
        self.transcript = transcript
        self.seen: list[Seen] = []
        self.problems: list[tuple[float, str]] = []  # when, and what
        self.clock = clock or VirtualClock()
        self._server = Server(folder, self._asked, self._heard)
        self._sockets: list[Socket] = []
        self._hosts: dict[str, str] = {}  # the recorded addresses, and who stands for them
        self._sessions: list[ScriptedSession] = []
        self._hole = False
        self._calls: list[Connection] = []
        self.texts = _server_texts(transcript)
        self._shift_ms = self.clock.now() * 1000
        self._said: list[str] = []
        self._got: list[str] = []
        self._named: defaultdict[str, list[str]] = defaultdict(list)  # names that we drew, in their order
        self._own_names: dict[str, str] = {}  # recorded names that were drawn, and ours
        self._dials = 0
        self._server_said = 0  # frames and closes
        self._taken = 0
        self._ended = False
        self._times: defaultdict[str, list[float]] = defaultdict(list)  # of what is waited for, on our clock
        self._wanted: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()
        self._modes = transcript.upgrade_modes()
        self._figures = transcript.measured()
        self.device = Device()
        _watch(self.device, self._device_event)

    def run(self) -> None:
        """Play the whole transcript."""
        try:
            for line in self.transcript.lines:
                self._play(line)
            for line in self.transcript.lines[-1:]:
                self._at(line)  # what was seen last may be a timer's doing
            self._pass_until(self.clock.now() + TAIL_S)
            if self._said != self._got:
                said = "the server did not get the frames that were sent, in their order"
                self.problems.append((self._script_ms(), said))
        finally:
            self._end()

    def see(self, kind: str, name: str, value: Any = None, status: dict[str, str] | None = None) -> None:
        if not self._ended:
            self.seen.append(Seen(self._script_ms(), kind, name, value, status or {}))

    def _script_ms(self) -> float:
        return self.clock.now() * 1000 - self._shift_ms

    # The script

    def _play(self, line: Line) -> None:
        stimulus = getattr(self, f"_play_{line.kind}", None)
        if line.kind == "wire" and line["dir"] == "out":
            self._wanted[line.frame_type] += 1
            self._synchronise(line)
        elif line.kind == "ws" and line["ev"] == "new":
            self._wanted["dial"] += 1
            self._synchronise(line)
        elif line.kind == "ws" and line["ev"] in ("open", "error", "close"):
            self._answer_upgrade(line)
            if line["ev"] == "close":
                self._lose_socket(line)
        elif stimulus is not None:
            stimulus(line)

    def _synchronise(self, line: Line) -> None:
        """Wait for what the recorded SDK did here, and take its time from ours."""
        what = "dial" if line.kind == "ws" else line.frame_type
        patience_s = self._patience_s(what)
        expected_s = (line.t + self._shift_ms) / 1000
        self._settle()
        deadline = max(self.clock.now(), expected_s) + patience_s
        while self._sent[what] < self._wanted[what]:
            if not self._step(deadline):
                self._missed[what] += 1
                if what != "reinvite":
                    self.problems.append((line.t, f"no {what!r} came"))
                self._wanted[what] -= 1
                self._shift_ms = self.clock.now() * 1000 - line.t  # the script goes on from here
                return
        self._shift_ms = self._times[what][self._wanted[what] - 1] - line.t
        if what in NAMING:
            self._own_names[str(line.payload.get(NAMING[what]))] = self._named[what][self._wanted[what] - 1]

    def _patience_s(self, what: str) -> float:
        """Restarts come in bursts, of which ours may have fewer: only the first that is missed is waited for."""
        if what != "reinvite":
            return PATIENCE_S
        return 0.0 if self._missed[what] else REINVITE_PATIENCE_S

    def _at(self, line: Line) -> None:
        self._pass_until((line.t + self._shift_ms) / 1000)

    def _play_wire(self, line: Line) -> None:
        self._at(line)
        socket = self._socket(int(line["id"]))
        if socket is None or not socket.is_open:
            self.problems.append((line.t, f"socket {line['id']} is not open for {line.frame_type!r}"))
            return
        self._server_said += 1
        socket.send(self._text(line))
        self._settle()

    def _text(self, line: Line) -> str:
        """What the server says, as it was said, but for the names that the client draws."""
        if line["heartbeat"]:
            return "\n"
        if line["raw"] is not None:
            return str(line["raw"])
        text = json.dumps(line["msg"], ensure_ascii=False, separators=(",", ":"))
        return render.DRAWN.sub(lambda found: self._own_names.get(found[0], found[0]), text)

    def _play_srv(self, line: Line) -> None:
        what = line["what"]
        if what == "blackhole":
            self._at(line)
            self._hole = bool(line["on"])
            for session in self._sessions:
                session.blackhole(self._hole)
        elif what == "drop-ws" and self._sockets:
            self._at(line)
            code = 1006 if line["abort"] else int(line["code"] or 1000)
            self._drop(self._sockets[-1], code, str(line["reason"] or ""))

    def _answer_upgrade(self, line: Line) -> None:
        """The server answers ours when the browser had the answer to its own, or learned that there is none."""
        socket = self._socket(int(line["id"]))
        left = [each.t for each in self.transcript.of("ws", ev="client-close", id=line["id"])]
        if socket is None or not socket.is_asking or any(at_ms <= line.t for at_ms in left):
            return
        self._at(line)
        if not socket.is_asking:
            return
        self._server_said += 1
        if line["ev"] == "open":
            socket.answer("accept")
        elif self._modes[int(line["id"]) - 1] == "accept":
            socket.abort()
        else:
            socket.answer("refuse")
        self._settle()

    def _lose_socket(self, line: Line) -> None:
        """The recorded socket was closed: if that was not the client's doing, and not done yet, do it."""
        socket = self._socket(int(line["id"]))
        if socket is None or not socket.is_open or self.transcript.of("ws", ev="client-close", id=line["id"]):
            return
        self._at(line)
        self._drop(socket, int(line["code"] or 1006), str(line["reason"] or ""))

    def _socket(self, number: int) -> Socket | None:
        return self._sockets[number - 1] if 0 < number <= len(self._sockets) else None

    def _drop(self, socket: Socket, code: int, reason: str) -> None:
        if not socket.is_open:
            return
        self._server_said += 1
        if code == 1006:
            socket.abort()
        else:
            socket.close(code, reason)
        self._settle()

    def _play_pc(self, line: Line) -> None:
        if line["id"] == self.transcript.probe_id and line["ev"] in ("new", "close()"):
            return
        session = self._session(line)
        event = {"iceConnectionState": "path", "connectionState": "connection_state",
                 "iceGatheringState": "ice_gathering_state", "candidate": "candidate"}.get(line["ev"])  # fmt: skip
        if session is None or session.closed or event is None:
            return
        self._at(line)
        if event == "path":
            session.path(line["state"])
        elif event == "candidate":
            if line["cand"]:
                session.candidate()
        else:
            session.emit(event, line["state"])
        self._settle()

    def _play_http(self, line: Line) -> None:
        if (line["group"], line["name"]) == ("connection", "accepted-by-remote"):
            self._at(line)
            for session in self._sessions:
                session.settled()
            self._settle()

    def _measured(self) -> dict[str, float]:
        now_ms = self._script_ms()
        near = [each for each in self._figures if abs(each[0] - now_ms) < HALF_A_SAMPLE_MS]
        return min(near, key=lambda each: abs(each[0] - now_ms))[1] if near else {}

    def _play_gum(self, line: Line) -> None:
        if line["ev"] not in ("ok", "error"):
            return
        self._at(line)
        session = next((each for each in self._sessions if not each.is_captured), None)
        if session is not None:
            session.capture(None if line["ev"] == "ok" else (line["err"] or line["error"] or {"name": line["ev"]}))
        self._settle()

    def _play_act(self, line: Line) -> None:
        if line.act_result is not None:
            return
        self._at(line)
        name, ended = str(line["what"]), self.transcript.result_of(line)
        promised = ended in ("resolved", "REJECTED", "")
        try:
            result = self._perform(name, line["args"])
        except Exception as exc:
            self.see("act", name, "REJECTED" if promised else f"THREW {type(exc).__name__}", self._status())
        else:
            if isinstance(result, Connection) and name == "device.connect":
                self._calls.append(result)  # the recorded program knew it when `connect` had returned
            if promised and isinstance(result, AsyncResult):
                result.rawlink(lambda done: self.see("act", name, "resolved" if done.successful() else "REJECTED"))
            elif ended:
                self.see("act", name, "resolved" if promised else "returned", self._status())
        self._settle()

    def _play_connect(self, line: Line) -> None:
        self._at(line)
        self._calls.append(self.device.connect({"To": "somebody"}))
        self._settle()

    def _perform(self, name: str, args: Any) -> Any:
        """Call what the recorded program called: `device.connect`, `connection.mute`, `device.audio.incoming` ..."""
        arguments = [_argument(arg) for arg in (args if isinstance(args, list) else [] if args is None else [args])]
        if name == "new Device":
            options = {"noRegister": True, **(arguments[0] if arguments else {})}
            return self.device.setup("a.b.c", options, **self._seams())
        if name == "device.setup":
            options = next((each for each in arguments if isinstance(each, dict)), {})
            return self.device.setup(None if args == [] else "a.b.c", options, **self._seams())
        whom, *path = name.split(".")
        target: Any = self.device if whom == "device" else self._call_named(whom)
        for part in path[:-1]:
            target = getattr(target, _snake(part.removesuffix("()")))
            target = target() if part.endswith("()") else target
        member = getattr(target, _snake(path[-1]))
        return member(*arguments) if callable(member) else member

    def _call_named(self, name: str) -> Connection:
        """`connection` is the latest one, `connection2` the second, `connections[0]` the first."""
        number = re.search(r"\d+", name)
        if number is None:
            return self._calls[-1]
        return self._calls[int(number[0]) - (0 if "[" in name else 1)]

    # What the Device is made of

    def _seams(self) -> dict[str, Any]:
        return {
            "clock": self.clock,
            "generation": self.transcript.generation,
            "network_watch": False,
            "stream_factory": self._make_stream,
            "media_factory": self._make_session,
            "connection_factory": self._make_connection,
            "publisher_factory": lambda token: Publisher(self),
            "sound_factory": lambda *_settings: RecordedSounds(self),
        }

    def _make_stream(self, token: str, uris: list[str], **options: Any) -> Stream:
        """The stream of the product; only the names of the hosts lead to the test's server."""
        options["ca_file"] = str(self._server.ca_file)
        stream = Stream(token, uris, **options, dial=self._dial)
        pace(stream._link._retries, self.transcript.retry_delays_ms(), len(uris))
        return stream

    def _dial(self, uri: str, context: SSLContext, owner: SocketOwner, user_agent: str) -> WebSocket:
        """The socket of the product; what it sends and reports is taken down."""
        self._dials += 1
        self._times["dial"].append(self.clock.now() * 1000)
        self.see("dial", "dial", uri)
        host = self._hosts.setdefault(uri, HOSTS[len(self._hosts)])
        own = f"wss://{host}:{self._server.port}/signal"
        return WatchedSocket(own, context, WatchedReports(owner, self), user_agent, self)

    def frame_sent(self, text: str) -> None:
        """What the server gets later must be the same."""
        if self._ended:
            return
        message = {} if text == "\n" else json.loads(text)
        name = message.get("type", "\n")
        self.see("frame", name, {"id": len(self._sockets), **render.frame(message)})
        self._times[name].append(self.clock.now() * 1000)
        self._said.append(text)

    def report_taken(self, *, is_last: bool = False) -> None:
        self._taken = self._server_said if is_last else self._taken + 1

    def _make_session(self, settings: MediaSettings) -> ScriptedSession:
        is_slow = len(self._sessions) < len(self.transcript.of("http", name="accepted-by-remote"))
        session = ScriptedSession(settings, self.clock, self._hole, self._measured, is_slow=is_slow)
        session.on("told", lambda name, value: self.see("media", name, value))
        self._sessions.append(session)
        return session

    def _make_connection(self, *args: Any, **kwargs: Any) -> Connection:
        connection = Connection(*args, **kwargs)
        _watch(connection, lambda name, arguments: self._call_event(connection, name, arguments))
        return connection

    def _session(self, line: Line) -> ScriptedSession | None:
        """Peer connections are numbered from 2 on; sessions are made at the same moments."""
        ids = sorted({each["id"] for each in self.transcript.of("pc") if each["id"] != self.transcript.probe_id})
        n = ids.index(line["id"]) if line["id"] in ids else -1
        started = [each for each in self._sessions if each.is_captured]
        return started[n] if 0 <= n < len(started) else None

    # What our side does

    def _asked(self, socket: Socket) -> str:
        """Let one that was recorded wait for its answer then."""
        self._sockets.append(socket)
        self._sent["dial"] += 1
        if len(self._sockets) <= len(self._modes):
            return "later"
        self._server_said += 1
        return "accept"

    def _heard(self, socket: Socket, text: str) -> None:
        message = {"type": "\n"} if text == "\n" else json.loads(text)
        if message["type"] in NAMING:
            self._named[message["type"]].append(message["payload"][NAMING[message["type"]]])
        self._sent[message["type"]] += 1
        self._got.append(text)

    def _device_event(self, name: str, args: tuple[Any, ...]) -> None:
        if self.transcript.generation == "2":
            if name in NOT_OF_2X:
                return
            args = _later_arguments(name, args)
        self.see("event", f"device {name}", self._rendered(args), self._status())
        if name == "incoming":
            self._calls.append(args[0])

    def _call_event(self, connection: Connection, name: str, args: tuple[Any, ...]) -> None:
        if name in ("volume", "sample", "digit"):
            return
        own = {"own": connection.status()}
        self.see("event", f"connection {name}", self._rendered(args), self._status() | own)

    def _rendered(self, args: tuple[Any, ...]) -> list[Any]:
        return render.own_event(args, self.texts, self.transcript.generation)

    def _status(self) -> dict[str, str]:
        device = self.device
        told = device.state if self.transcript.generation == "2" else device.status() if device.is_initialized else ""
        status = {"dev": told or "(not set up)"}
        if self._calls:
            status["conn"] = self._calls[-1].status()
        if self.device.stream is not None:
            status["pstream"] = self.device.stream.status
        return status

    # Time

    def _pass_until(self, time_s: float) -> None:
        self._settle()
        while self._step(time_s):
            pass

    def _step(self, until_s: float) -> bool:
        moved = self.clock.run_due(until_s)
        self._settle()
        return moved

    def _settle(self) -> None:
        settle(self._activity, self._in_flight)

    def _in_flight(self) -> bool:
        """Whether anything is on its way between the two ends."""
        return len(self._said) != len(self._got) or self._dials != len(self._sockets) or self._server_said > self._taken

    def _activity(self) -> int:
        return self._server.activity + self.clock.activity + len(self.seen)

    def _end(self) -> None:
        self._ended = True
        for session in self._sessions:
            session.capture(None)
        stream = self.device.stream
        self.device.destroy()
        if isinstance(stream, Stream):
            stream.join(1)
        self._server.close()
        gevent.sleep(0)


def _watch(emitter: Any, heard: Any) -> None:
    """Report every event at the moment it is emitted, before any listener runs."""
    emit = emitter.emit

    def watched(event: str, *args: Any, **kwargs: Any) -> Any:
        if event != "new_listener":
            heard(event, args)
        return emit(event, *args, **kwargs)

    emitter.emit = watched


def _later_arguments(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """2.x names the call of an error beside it, and tells of the token without naming the Device."""
    if name == "error" and args[0].connection is not None:
        return *args, args[0].connection
    return args


def _snake(name: str) -> str:
    return PLAIN_SNAKE.sub("_", name).lower()


def _argument(value: Any) -> Any:
    if value == "<token>":
        return "d.e.f"
    return (lambda *args: None) if isinstance(value, str) and value.startswith("<fn") else value


def _done() -> AsyncResult[None]:
    result: AsyncResult[None] = AsyncResult()
    result.set(None)
    return result


def _server_texts(transcript: Transcript) -> frozenset[str]:
    """Every error text that the server sent."""
    errors = [line.payload.get("error") for line in transcript.of("wire", dir="in")]
    return frozenset(str(error.get("message")) for error in errors if isinstance(error, dict))
