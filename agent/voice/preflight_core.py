"""The course of a test call, without I/O or clock: what was seen, what is due when, how it ends (spec: device 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from agent.errors import VoiceError
from agent.quality.candidate import candidate_payload
from agent.voice.call_effects import EmitEvent
from agent.voice.preflight_report import preflight_report

if TYPE_CHECKING:
    from agent.quality.sample import Sample

COMPLETED_AFTER_S: Final = 0.01
LOOK_AGAIN_S: Final = 0.01
LATE: Final = "The voice service did not answer in time; check the network and the firewall."

_TIMINGS: Final = {
    "connection_state": ("peerConnection", "connecting", "connected"),
    "ice_connection_state": ("ice", "checking", "connected"),
    "dtls_state": ("dtls", "connecting", "connected"),
}
WATCHED: Final = tuple(_TIMINGS)  #: states of the media that are timed


@dataclass(frozen=True)
class PlaceCall:
    """Make the call, and say what its events are."""


@dataclass(frozen=True)
class FindMedia:
    """Listen to the call's media, or say that there is none yet."""


@dataclass(frozen=True)
class HangUp:
    """End the call: enough was heard."""


@dataclass(frozen=True)
class DestroyDevice:
    """The test is over."""


PreflightEffect: TypeAlias = EmitEvent | PlaceCall | FindMedia | HangUp | DestroyDevice


class _Due(Enum):
    LATE = auto()  # the service has not answered
    LOOK = auto()  # for the call's media
    HANG_UP = auto()
    COMPLETE = auto()
    TELL = auto()  # what the test has found


class PreflightCore:
    """One test; `now` is in monotonic seconds, what is reported in Unix milliseconds."""

    def __init__(self, limit_s: float, talk_s: float | None, selected_edge: Any, unix_ms: float, now: float) -> None:
        """`limit_s` is for the service to answer; after `talk_s` the test hangs up, None: when somebody else does."""
        self.status = "connecting"
        self.call_sid: str | None = None
        self.latest_sample: Sample | None = None
        self.report: dict[str, Any] | None = None
        self.start_time_ms = unix_ms
        self.end_time_ms: float | None = None
        self._began = now
        self._talk_s = talk_s
        self._edge: str | None = None
        self._selected_edge = selected_edge
        self._samples: list[Sample] = []
        self._warnings: list[dict[str, Any]] = []
        self._candidates: list[dict[str, Any]] = []
        self._pair: tuple[Any, Any] | None = None
        self._timing: dict[str, dict[str, float]] = {}
        self._due = {_Due.LATE: now + limit_s}

    def ready(self, edge: str | None, now: float) -> list[PreflightEffect]:
        """Place the call, because the service has answered."""
        self._due.pop(_Due.LATE, None)
        self._edge = edge
        self._timing["signaling"] = {"start": self._unix_ms(now)}
        self._due[_Due.LOOK] = now
        if self._talk_s is not None:
            self._due[_Due.HANG_UP] = now + self._talk_s
        return [PlaceCall()]

    def no_media(self, now: float) -> list[PreflightEffect]:
        """Look again later, because the microphone is not open yet."""
        self._due[_Due.LOOK] = now + LOOK_AGAIN_S
        return []

    def accepted(self, call_sid: str | None, now: float) -> list[PreflightEffect]:
        """Note that the call is open."""
        self._time("signaling", "stable", "", "stable", now)
        self.call_sid = call_sid
        self.status = "connected"
        return [EmitEvent("connected")]

    def sample(self, sample: Sample, now: float) -> list[PreflightEffect]:
        """Take a second of the call in numbers."""
        self.latest_sample = sample
        self._samples.append(sample)
        return [EmitEvent("sample", (sample,))]

    def warned(self, name: str, data: Mapping[str, Any] | None, now: float) -> list[PreflightEffect]:
        """Note a warning of the call."""
        self._warnings.append({"name": name, "description": f"The call raised the warning {name}.", "rawData": data})
        return [EmitEvent("warning", (name, data))]

    def media_state(self, event: str, state: str, now: float) -> list[PreflightEffect]:
        """Note when one of the WATCHED states of the media changed."""
        name, begins, ends = _TIMINGS[event]
        self._time(name, state, begins, ends, now)
        return []

    def candidate(self, candidate: Any, now: float) -> list[PreflightEffect]:
        """Note a local candidate."""
        self._candidates.append(candidate_payload(**vars(candidate)))
        return []

    def selected(self, local: Any, remote: Any, now: float) -> list[PreflightEffect]:
        """Note between which candidates the audio goes."""
        self._pair = (local, remote)
        return []

    def failed(self, error: VoiceError, now: float) -> list[PreflightEffect]:
        """End a test that cannot go on, once."""
        if self.status in ("failed", "completed"):
            return []
        self.status = "failed"
        self._end(now)
        return [DestroyDevice(), EmitEvent("failed", (error,))]

    def disconnected(self, now: float) -> list[PreflightEffect]:
        """Complete the test on the next turn, because the call is over."""
        self._due[_Due.COMPLETE] = now
        return []

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        return min(self._due.values(), default=None)

    def tick(self, now: float) -> list[PreflightEffect]:
        """Do the first thing that is due."""
        due = min(self._due, key=self._due.__getitem__, default=None)
        if due is None or self._due[due] > now:
            return []
        del self._due[due]
        match due:
            case _Due.LATE:
                return self.failed(VoiceError(31901, LATE), now)
            case _Due.LOOK:
                return [FindMedia()]
            case _Due.HANG_UP:
                return [HangUp()]
            case _Due.COMPLETE:
                return self._complete(now)
            case _Due.TELL:
                return [EmitEvent("completed", (self.report,))]

    def _complete(self, now: float) -> list[PreflightEffect]:
        if self.status not in ("connecting", "connected"):
            return []
        self.status = "completed"
        self._end(now)
        self.report = preflight_report(
            call_sid=self.call_sid,
            edge=self._edge,
            selected_edge=self._selected_edge,
            samples=self._samples,
            pair=self._pair,
            candidates=self._candidates,
            network_timing=self._timing,
            started_ms=self.start_time_ms,
            ended_ms=self._unix_ms(now),
            warnings=self._warnings,
        )
        self._due[_Due.TELL] = now + COMPLETED_AFTER_S
        return [DestroyDevice()]

    def _end(self, now: float) -> None:
        self._due.clear()
        self.end_time_ms = self._unix_ms(now)

    def _time(self, name: str, state: str, begins: str, ends: str, now: float) -> None:
        now_ms = self._unix_ms(now)
        timing = self._timing.setdefault(name, {"start": now_ms})
        if state == begins:
            timing["start"] = now_ms
        elif state == ends and "end" not in timing:
            timing |= {"end": now_ms, "duration": now_ms - timing["start"]}

    def _unix_ms(self, now: float) -> float:
        return self.start_time_ms + (now - self._began) * 1000
