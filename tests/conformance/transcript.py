"""One recorded scenario: what the JavaScript SDK did, line by line, and what the server and the network did to it.

A line is JSON with `t` (milliseconds) and `k` (its kind); the first line describes the scenario.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

DEVICE_EVENTS = ("cancel", "connect", "disconnect", "error", "incoming", "offline", "ready")
_COUNTED = {"lost": ("packets_lost", "packetsLost"), "received": ("packets_received", "packetsReceived"),
            "bytes": ("bytes_received", "bytesReceived")}  # fmt: skip
RESULTS = ("returned", "THREW", "resolved", "REJECTED")


@dataclass(frozen=True)
class Line:
    """One line of a transcript."""

    t: float
    kind: str
    data: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.data.get(name)

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of a frame on the wire."""
        return self._message.get("payload") or {}

    @property
    def _message(self) -> dict[str, Any]:
        message = self.data.get("msg")
        return message if isinstance(message, dict) else {}

    @property
    def frame_type(self) -> str:
        """The type of a frame on the wire; a heartbeat is `\\n`."""
        return "\n" if self.data.get("heartbeat") else str(self._message.get("type"))

    @property
    def act_result(self) -> tuple[str, str] | None:
        """`("connection.mute", "returned")` where the line tells how a call of the API ended."""
        name, _, result = str(self.data.get("what") or "").rpartition(" ")
        return (name, result) if self.kind == "act" and result in RESULTS else None


@dataclass(frozen=True)
class Transcript:
    """A scenario and its lines in the order of time; that of the second generation is named with its folder."""

    name: str
    lines: tuple[Line, ...]
    generation: str = "1"
    is_cut: bool = False  #: its end is not there

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """Read one .jsonl file; its first line says which SDK was recorded."""
        records, is_cut = _records(path.read_text())
        lines = [Line(float(r["t"]), r["k"], r) for r in records if r["k"] != "meta"]
        is_second = any("voice-sdk" in r.get("sdk", "") for r in records if r["k"] == "meta")
        ordered = sorted(lines, key=lambda line: line.t)
        name, generation = (f"{path.parent.name}/{path.stem}", "2") if is_second else (path.stem, "1")
        return cls(name, tuple(_with_every_connect(ordered)), generation, is_cut)

    @property
    def probe_id(self) -> int:
        """The peer connection that the SDK 1.x makes at once to find out what the browser can do."""
        return 1 if self.generation == "1" else 0

    def of(self, kind: str, **members: Any) -> list[Line]:
        """The lines of one kind with these members."""
        return [line for line in self.lines if line.kind == kind and all(line[k] == v for k, v in members.items())]

    def upgrade_modes(self) -> list[str]:
        """What became of each try to connect: accept, refuse, or silence where the server never saw a request."""
        dials = [line.t for line in self.of("ws", ev="new")]
        modes = ["silence"] * len(dials)
        for request in self.of("srv", what="ws-request"):
            began = [n for n, at in enumerate(dials) if at <= request.t]
            if began:
                modes[began[-1]] = str(request["mode"])
        return modes

    def result_of(self, act: Line) -> str:
        """How the recorded call of the API ended: returned, THREW, resolved or REJECTED; empty: that was not told."""
        results = [line.act_result for line in self.of("act") if line.t >= act.t and line.act_result is not None]
        return next((result for name, result in results if name == act["what"]), "")

    def retry_delays_ms(self) -> list[float]:
        """How long the SDK waited before each new try to connect."""
        delays, lost_at = [], 0.0
        for line in self.lines:
            if line.kind == "event" and (line["obj"], line["name"]) == ("wstransport", "close"):
                lost_at = line.t
            elif line.kind == "ws" and line["ev"] == "new" and lost_at:
                delays.append(line.t - lost_at)
        return delays

    def ring_delays_ms(self) -> list[float]:
        """How long after each invite that rang its call was presented."""
        delays = []
        for invite in (line for line in self.of("wire", dir="in") if line.frame_type == "invite"):
            sid = str(invite.payload.get("callsid"))
            shown = [each.t for each in self.of("event", obj="device", name="incoming") if sid in str(each["args"])]
            delays += [at_ms - invite.t for at_ms in shown if at_ms > invite.t][:1]
        return delays

    def measured(self) -> list[tuple[float, dict[str, float]]]:
        """What the browser measured, and when, as far as reports and warnings tell."""
        reported = self._reported()
        warned = [each for each in self._warned() if not any(abs(each[0] - at_ms) < 500 for at_ms, _ in reported)]
        return sorted(reported + warned, key=lambda each: each[0])

    def _reported(self) -> list[tuple[float, dict[str, float]]]:
        """The samples of every report; one of ten was made at its last sample, and tells when those of the others were.

        Without one, the first sample was taken a second after the media was agreed on.
        """
        found: list[tuple[float, dict[str, float]]] = []
        reports = [line for line in self.of("http", name="metrics-sample") if isinstance(line["payload"], list)]
        clocks = [line.t - _time_ms(line["payload"][-1]) for line in reports if len(line["payload"]) == 10]
        begun = self.of("http", group="settings", name="codec")[:1]
        clocks += [line.t + 1_000 - _time_ms(report["payload"][0]) for line in begun for report in reports[:1]]
        for line in reports if clocks else ():
            found += [(clocks[0] + _time_ms(each), _figures(each)) for each in line["payload"]]
        return found

    def _warned(self) -> list[tuple[float, dict[str, float]]]:
        """The samples of every warning; what one has raised lasts to its clearing."""
        found: list[tuple[float, dict[str, float]]] = []
        for line in self.of("event", name="warning"):
            name, data = [*(line["args"] or []), None, None][:2]
            if line["obj"] == "monitor" or not isinstance(data, dict) or "samples" not in data:
                continue
            end = data["samples"][-1]["timestamp"]
            samples = [(line.t + each["timestamp"] - end, _figures(each)) for each in data["samples"]]
            cleared = [each.t for each in self.of("event", name="warning-cleared") if name in (each["args"] or [])]
            lasts_s = next((int((t - line.t) / 1000) - 3 for t in cleared if t > line.t), 60)
            found += samples + [(line.t + 1000 * n, samples[-1][1]) for n in range(1, lasts_s)]
        return found

    @property
    def is_about_calls(self) -> bool:
        """Whether any call happens."""
        return bool(self.of("wire", dir="in") and [x for x in self.of("wire") if x.frame_type == "invite"])


def _records(text: str) -> tuple[list[dict[str, Any]], bool]:
    """Every line, and whether the recording was cut off within one."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines], False
    except json.JSONDecodeError:
        return [json.loads(line) for line in lines[:-1]], True


def _figures(sample: dict[str, Any]) -> dict[str, float]:
    told = {name: sample[name] for name in ("rtt", "jitter") if sample.get(name) is not None}
    for name, members in _COUNTED.items():
        value = next((sample[each] for each in members if sample.get(each) is not None), None)
        told |= {name: value} if value is not None else {}
    if "total_packets_sent" in sample and "total_packets_received" not in sample:
        told["nothing"] = 1.0
    return told


def _time_ms(sample: dict[str, Any]) -> float:
    return datetime.fromisoformat(sample["timestamp"]).timestamp() * 1000


def _with_every_connect(lines: list[Line]) -> Iterator[Line]:
    """A program that ends a call before `connect` has returned leaves no other trace of it than the SDK's report."""
    made = reported = 0
    for line in lines:
        made += line.kind == "act" and line["what"] == "device.connect"
        reported += line.kind == "http" and (line["group"], line["name"]) == ("connection", "outgoing")
        if reported > made:
            made += 1
            yield Line(line.t, "connect", {})
        yield line
