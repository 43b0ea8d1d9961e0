"""The objects that Insights takes (spec: insights 2, 3, 5, 6; oracle 9, 10)."""

from __future__ import annotations

import json
import math

import pytest

from agent.quality.candidate import candidate_payload
from agent.quality.envelope import CallFacts, DeviceFacts, default_payload, envelope, iso_time, to_json
from agent.quality.metrics import BATCH, MetricsBuffer, entry, with_call
from agent.quality.report_generation import SECOND_REPORTS
from agent.quality.sample import Sample, Totals

NOON_MS = 1_697_457_600_000

SEED_SAMPLE = Sample(
    audioInputLevel=11122,
    audioOutputLevel=2138,
    bytesReceived=8600,
    bytesSent=8600,
    codecName="opus",
    jitter=0,
    mos=4.397229249317001,
    packetsLost=0,
    packetsLostFraction=0,
    packetsReceived=50,
    packetsSent=50,
    rtt=77,
    timestamp=1572301567032.327,
    totals=Totals(
        bytesReceived=63640,
        bytesSent=83936,
        packetsLost=0,
        packetsLostFraction=0,
        packetsReceived=370,
        packetsSent=488,
    ),
)


def test_feedback_is_written_as_the_reference_wrote_it():
    payload = {"sdk_version": "1.15.1", "call_sid": "CA1", "direction": "INCOMING", "quality_score": 5}
    body = to_json(envelope("feedback", "received", "info", payload, unix_ms=NOON_MS, metadata={"app_name": None}))
    assert body.decode() == (
        '{"publisher":"twilio-js-sdk","group":"feedback","name":"received","timestamp":"2023-10-16T12:00:00.000Z",'
        '"level":"INFO","payload_type":"application/json","private":false,"payload":{"sdk_version":"1.15.1",'
        '"call_sid":"CA1","direction":"INCOMING","quality_score":5},"publisher_metadata":{}}'
    )


@pytest.mark.parametrize(
    ("level", "written"),
    [("debug", "DEBUG"), ("info", "INFO"), ("warn", "WARNING"), ("WARNING", "WARNING"), ("error", "ERROR")],
)
def test_levels_are_written_in_capitals(level, written):
    assert envelope("g", "n", level, {}, unix_ms=0, metadata={})["level"] == written


def test_the_program_may_name_itself():
    assert envelope("g", "n", "info", {}, unix_ms=0, metadata={"app_name": "door", "app_version": "2"})[
        "publisher_metadata"
    ] == {"app_name": "door", "app_version": "2"}


def test_the_default_payload_of_a_call_under_way():
    device = DeviceFacts(gateway="gw", region="US_EAST_VIRGINIA")
    call = CallFacts("TJS1", "OUTGOING", "CA1", "PCMU")
    expected = {
        "aggressive_nomination": False,
        "browser_extension": False,
        "dscp": True,
        "ice_restart_enabled": False,
        "platform": "WebRTC",
        "sdk_version": "1.15.1",
        "call_sid": "CA1",
        "temp_call_sid": "TJS1",
        "audio_codec": "PCMU",
        "direction": "OUTGOING",
        "gateway": "gw",
        "region": "US_EAST_VIRGINIA",
    }
    assert list(default_payload(device, call).items()) == list(expected.items())


@pytest.mark.parametrize("call_sid", [None, "", "TJS1"])
def test_a_call_without_a_real_sid_has_only_its_temporary_one(call_sid):
    payload = default_payload(DeviceFacts(), CallFacts("TJS1", "OUTGOING", call_sid))
    assert "call_sid" not in payload
    assert payload["temp_call_sid"] == "TJS1"


def test_the_default_payload_without_a_call():
    assert "direction" not in default_payload(DeviceFacts(), None)


@pytest.mark.parametrize(
    ("unix_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1572301567032.327, "2019-10-28T22:26:07.032Z"),
        (999.999, "1970-01-01T00:00:00.999Z"),
    ],
)
def test_times_are_iso_with_fractions_of_milliseconds_cut_off(unix_ms, text):
    assert iso_time(unix_ms) == text


def test_numbers_are_written_as_javascript_writes_them():
    document = {"a": 5.0, "b": 0.5, "c": math.nan, "d": math.inf, "e": [1, 2.0], "f": True, "g": None, "h": {"i": -0.0}}
    assert to_json(document) == b'{"a":5,"b":0.5,"c":null,"d":null,"e":[1,2],"f":true,"g":null,"h":{"i":0}}'


def test_anything_else_is_written_as_text():
    assert json.loads(to_json({"error": OSError("x"), "half": "\ud800"})) == {"error": "x", "half": "?"}


# Metrics


def test_a_sample_becomes_the_entry_of_the_reference():
    entries = with_call(
        [entry(SEED_SAMPLE, 0.41, 0.2)],
        call_sid="CA1",
        dscp=True,
        sdk_version="1.15.1",
        selected_region=None,
        direction="INCOMING",
    )
    assert to_json(entries[0]).decode() == (
        '{"timestamp":"2019-10-28T22:26:07.032Z","total_packets_received":370,"total_packets_lost":0,'
        '"total_packets_sent":488,"total_bytes_received":63640,"total_bytes_sent":83936,"packets_received":50,'
        '"packets_lost":0,"packets_lost_fraction":0,"bytes_received":8600,"bytes_sent":8600,"audio_codec":"opus",'
        '"audio_level_in":11122,"audio_level_out":2138,"call_volume_input":0.41,"call_volume_output":0.2,"jitter":0,'
        '"rtt":77,"mos":4.4,"call_sid":"CA1","dscp":true,"sdk_version":"1.15.1","direction":"INCOMING"}'
    )


def test_in_the_second_generation_a_sample_comes_in_the_order_of_the_alphabet():
    buffer = MetricsBuffer(SECOND_REPORTS)
    buffer.add(SEED_SAMPLE, 0.41, 0.2)
    (told,) = with_call(buffer.flush(), call_sid="CA1", dscp=True, sdk_version="2.18.5", direction="INCOMING")
    assert list(told) == [
        "audio_codec", "audio_level_in", "audio_level_out", "bytes_received", "bytes_sent", "call_volume_input",
        "call_volume_output", "jitter", "mos", "packets_lost", "packets_lost_fraction", "packets_received", "rtt",
        "timestamp", "total_bytes_received", "total_bytes_sent", "total_packets_lost", "total_packets_received",
        "total_packets_sent", "call_sid", "dscp", "sdk_version", "direction",
    ]  # fmt: skip


def test_the_second_generation_has_a_default_payload_of_its_own():
    device = DeviceFacts(gateway="gw", region="US_EAST_VIRGINIA", ice_restart_enabled=True, sdk_version="2.18.5")
    told = default_payload(device, CallFacts("TJS1", "OUTGOING"))
    assert list(told) == [
        "aggressive_nomination", "browser_extension", "dscp", "ice_restart_enabled", "platform", "sdk_version",
        "temp_call_sid", "direction", "gateway", "region",
    ]  # fmt: skip
    assert told["sdk_version"] == "2.18.5"


def test_no_score_stays_null():
    assert entry(Sample(**{**SEED_SAMPLE, "mos": None}), 0, 0)["mos"] is None  # type: ignore[typeddict-item]


def test_ten_samples_make_a_batch():
    buffer = MetricsBuffer()
    batches = [buffer.add(SEED_SAMPLE, 0.1, 0.2) for _ in range(BATCH)]
    assert [len(batch) for batch in batches] == [0] * 9 + [10]
    assert buffer.flush() == []


def test_the_rest_is_flushed():
    buffer = MetricsBuffer()
    buffer.add(SEED_SAMPLE, 0.1, 0.2)
    assert len(buffer.flush()) == 1
    assert buffer.flush() == []


# Candidates

CANDIDATE = {
    "type": "host",
    "address": "192.168.1.1",
    "candidate": "candidate:1 1 udp 123 192.168.1.1 63982 typ host generation 0 network-cost 20",
    "port": 63982,
    "priority": 123,
    "protocol": "udp",
    "related_address": "10.2.2.1",
    "related_port": 65982,
    "tcp_type": "active",
    "sdp_mid": "audio",
}


def test_a_candidate_is_told_as_the_reference_told_it():
    expected = {
        "candidate_type": "host",
        "deleted": False,
        "ip": "192.168.1.1",
        "is_remote": False,
        "network-cost": 20,
        "port": 63982,
        "priority": 123,
        "protocol": "udp",
        "related_address": "10.2.2.1",
        "related_port": 65982,
        "tcp_type": "active",
        "transport_id": "audio",
    }
    assert list(candidate_payload(**CANDIDATE).items()) == list(expected.items())


def test_the_ip_of_a_candidate_comes_before_its_address():
    assert candidate_payload(**CANDIDATE | {"ip": "1.2.3.4"})["ip"] == "1.2.3.4"


def test_a_candidate_without_a_cost_does_not_mention_it():
    assert "network-cost" not in candidate_payload(**CANDIDATE | {"candidate": "candidate:1"})


def test_a_remote_candidate_says_so():
    assert candidate_payload(**CANDIDATE, is_remote=True)["is_remote"] is True
