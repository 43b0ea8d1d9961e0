"""The test call: its events, its report, its judgement."""

from __future__ import annotations

from typing import Any

import pytest

from agent import Device
from agent.errors import VoiceError
from agent.media.stats import CandidateInfo
from agent.voice.call_effects import EmitEvent
from agent.voice.preflight import PreflightTest
from agent.voice.preflight_core import DestroyDevice, FindMedia, HangUp, PlaceCall, PreflightCore
from agent.voice.preflight_report import call_quality, is_turn_required, statistics

from .fakes import FakeClock, FakeSession, FakeStream, settle


class Trial:
    """A test call and everything around it."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.streams: list[FakeStream] = []
        self.sessions: list[FakeSession] = []
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        given = {"clock": self.clock, "stream_factory": self._stream, "media_factory": self._session,
                 "network_watch": False, "publish_events": False}  # fmt: skip
        self.test: PreflightTest = Device.run_preflight("a-token", {**given, **options})
        for name in ("connected", "sample", "warning", "completed", "failed"):
            self.test.on(name, lambda *args, name=name: self.told.append((name, args)))

    @property
    def stream(self) -> FakeStream:
        return self.streams[-1]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    def run(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        settle()

    def connects(self) -> None:
        self.stream.connect()
        self.run(0.05)
        self.stream.say("answer", callsid="CA9", sdp="far answer")
        self.run()

    def _stream(self, *args: Any, **kwargs: Any) -> FakeStream:
        self.streams.append(FakeStream(*args, **kwargs))
        return self.streams[-1]

    def _session(self, settings: Any) -> FakeSession:
        self.sessions.append(FakeSession(settings))
        return self.sessions[-1]


def test_a_test_call_says_what_it_is() -> None:
    trial = Trial()
    trial.connects()

    assert trial.stream.last("invite")["preflight"] is True
    assert trial.stream.last("invite")["twilio"] == {}
    assert (trial.names, trial.test.status, trial.test.call_sid) == (["connected"], "connected", "CA9")


def test_a_test_call_that_ends_is_reported() -> None:
    trial = Trial()
    trial.connects()
    candidate = CandidateInfo("relay", "10.0.0.1", 4_000, 1, "udp")
    session = trial.sessions[0]
    session.emit("ice_connection_state", "checking")
    trial.run(0.1)
    session.emit("candidate", candidate)
    session.emit("selected_pair", candidate, candidate)
    session.path("connected")
    trial.run(3)

    trial.stream.say("hangup", callsid="CA9")
    trial.run(0.1)

    assert trial.names == ["connected", "sample", "sample", "sample", "completed"]
    report = trial.told[-1][1][0]
    assert (report["callSid"], report["edge"], report["selectedEdge"]) == ("CA9", "ashburn", "roaming")
    assert report["isTurnRequired"] is True
    assert len(report["samples"]) == 3
    assert report["networkTiming"]["ice"]["duration"] >= 0
    assert trial.test.report is report


def test_a_service_that_does_not_answer_fails_the_test() -> None:
    trial = Trial()
    trial.run(9.9)
    assert trial.names == []

    trial.run(0.2)

    assert [(name, args[0].code) for name, args in trial.told] == [("failed", 31901)]


def test_a_test_can_be_stopped() -> None:
    trial = Trial()
    trial.connects()

    trial.test.stop()
    trial.run(20)

    assert [(name, args[0].code) for name, args in trial.told[1:]] == [("failed", 31008)]
    assert trial.stream.sent("hangup") == ["hangup"]


def test_an_error_of_the_device_fails_the_test() -> None:
    trial = Trial()
    trial.stream.connect()

    trial.stream.say("error", error={"code": 31204, "message": "no"})
    trial.run(20)

    assert [(name, args[0].code) for name, args in trial.told] == [("failed", 31204)]


def test_with_a_fake_microphone_the_test_ends_by_itself() -> None:
    trial = Trial(fake_mic_input=True)
    trial.connects()

    trial.run(21)

    assert trial.names[-1] == "completed"


@pytest.mark.parametrize(
    ("quality", "values"),
    [("excellent", (4.9, 4.3)), ("great", (4.2, 4.1)), ("good", (4.0, 3.9, 3.8, 3.7)), ("fair", (3.6, 3.5, 3.2, 3.1)),
     ("degraded", (3.0, 2.9))],
)  # fmt: skip
def test_the_judgement_follows_the_mean_mos(quality: str, values: tuple[float, ...]) -> None:
    assert {call_quality(value) for value in values} == {quality}


@pytest.mark.parametrize(("mos", "quality"), [(4.05, "great"), (3.65, "good"), (3.05, "fair")])
def test_the_judgement_has_no_gaps(mos: float, quality: str) -> None:
    assert call_quality(mos) == quality


def samples(*values: tuple[float, float | None, float]) -> list[Any]:
    return [{"jitter": jitter, "mos": mos, "rtt": rtt} for jitter, mos, rtt in values]


def test_statistics_begin_with_the_first_usable_mos() -> None:
    found = statistics(samples((100, None, 1), (0, None, 0), (0, None, 0), (1, 5, 0.01), (2, 4, 0.03), (3, 3, 0.02)))

    assert found == {
        "jitter": {"average": 2, "min": 1, "max": 3},
        "mos": {"average": 4, "min": 3, "max": 5},
        "rtt": {"average": 0.02, "min": 0.01, "max": 0.03},
    }


def test_without_a_usable_mos_there_are_no_statistics() -> None:
    assert statistics(samples((1, None, 1), (1, None, 1))) is None
    assert statistics([]) is None


def test_a_relay_on_either_side_needs_turn() -> None:
    relay, host = (CandidateInfo(kind, "10.0.0.1", 1, 1, "udp") for kind in ("relay", "host"))

    assert [is_turn_required(pair) for pair in ((relay, host), (host, relay), (host, host))] == [True, True, False]
    assert is_turn_required(None) is None


def test_a_test_ends_once_however_many_reasons_there_are() -> None:
    core = PreflightCore(10.0, None, "roaming", unix_ms=0.0, now=0.0)
    first = VoiceError(31204, "no")

    assert core.failed(first, 1.0) == [DestroyDevice(), EmitEvent("failed", (first,))]
    assert core.failed(VoiceError(31000, "no"), 2.0) == core.disconnected(2.0) == core.tick(60.0) == []
    assert (core.status, core.end_time_ms, core.deadline()) == ("failed", 1000.0, None)


def test_the_media_of_a_test_call_is_looked_for_until_it_is_there() -> None:
    core = PreflightCore(10.0, 20.0, "roaming", unix_ms=5_000.0, now=100.0)

    assert core.ready("ashburn", 100.5) == [PlaceCall()]
    assert core.tick(100.5) == [FindMedia()]
    core.no_media(100.5)
    assert core.tick(100.505) == []
    assert core.tick(100.52) == [FindMedia()]
    assert core.tick(121.0) == [HangUp()]
    core.disconnected(121.1)
    assert core.tick(121.1) == [DestroyDevice()]
    assert core.report is not None
    assert core.report["testTiming"] == pytest.approx({"start": 5_000, "end": 26_100, "duration": 21_100})
