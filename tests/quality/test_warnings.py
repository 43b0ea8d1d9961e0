"""Names, groups, levels and payloads of warnings (spec: quality 6.4, 6.5)."""

from __future__ import annotations

import pytest

from agent.quality.warnings import QualityWarning, public_name

TABLE = [
    ("constant-audio-input-level", "audioInputLevel", "minStandardDeviation", "audio-level", "WARNING", True),
    ("constant-audio-output-level", "audioOutputLevel", "minStandardDeviation", "audio-level", "INFO", False),
    ("low-bytes-received", "bytesReceived", "min", "network-quality", "WARNING", True),
    ("low-bytes-sent", "bytesSent", "min", "network-quality", "WARNING", True),
    ("high-jitter", "jitter", "max", "network-quality", "WARNING", True),
    ("low-mos", "mos", "min", "network-quality", "WARNING", True),
    ("high-packet-loss", "packetsLostFraction", "max", "network-quality", "WARNING", True),
    ("high-packets-lost-fraction", "packetsLostFraction", "maxAverage", "network-quality", "WARNING", True),
    ("high-rtt", "rtt", "max", "network-quality", "WARNING", True),
]


def warning(stat: str, kind: str, *, cleared: bool = False, **data: object) -> QualityWarning:
    threshold = {"name": kind, "value": 30}
    return QualityWarning(stat, kind, {"name": stat, "threshold": threshold} | data, cleared)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "stat", "kind", "group", "level", "public"), TABLE)
def test_every_warning_has_its_public_name_and_place(name, stat, kind, group, level, public):
    raised, cleared = warning(stat, kind), warning(stat, kind, cleared=True)
    assert raised.name == name
    assert (raised.group, cleared.group) == (f"{group}-warning-raised", f"{group}-warning-cleared")
    assert (raised.level, cleared.level) == (level, "INFO")
    assert raised.is_public is public


def test_other_kinds_share_the_base():
    assert public_name("jitter", "maxAverage") == "high-jitter"
    assert public_name("jitter", "maxDuration") == "constant-jitter"


def test_only_a_constant_input_is_silent_while_muted():
    assert [stat for _name, stat, kind, *_ in TABLE if warning(stat, kind).silent_while_muted] == ["audioInputLevel"]


def test_insights_gets_the_limit_and_rounded_values():
    payload = warning("jitter", "max", values=[31, 30.125, 31.999], samples=[]).insights_payload()
    assert payload == {"data": {"threshold": 30, "values": [31, 30.13, 32]}}


def test_insights_gets_a_single_value_unrounded():
    payload = warning("audioInputLevel", "minStandardDeviation", value=12.3456).insights_payload()
    assert payload == {"data": {"threshold": 30, "value": 12.3456}}


def test_a_value_of_zero_is_left_out():
    assert warning("audioInputLevel", "minStandardDeviation", value=0).insights_payload() == {"data": {"threshold": 30}}


def test_a_limit_that_the_event_does_not_carry_is_left_out():
    cleared = QualityWarning("packetsLostFraction", "max", {"values": [0], "threshold": {"name": "max"}}, True)
    assert cleared.insights_payload() == {"data": {"values": [0]}}
