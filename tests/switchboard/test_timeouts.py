"""How long a call waits: questions about time, which change nothing however often they are asked."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.switchboard.call_leg import CallLeg
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.timeouts import DIALLING_GRACE_S, GOODBYE_GRACE_S, CallTimeouts

SETTINGS = SwitchboardSettings(ring_timeout_s=30, reconnect_grace_s=60, media_grace_s=45)


@dataclass(frozen=True)
class Client:
    """A client as a leg knows it."""

    id: int
    identity: str = "alice"
    account_sid: str = "AC1"
    can_resume: bool = True
    reconnect_timeout_s: float = 0.0


def missing(what: str) -> CallLeg:
    leg = CallLeg("CA1", "alice", 1)
    if what == "client":
        leg.detach(100.0)
    elif what == "path":
        leg.note_path(False, 100.0)
    elif what == "goodbye":
        leg.leave(100.0)
    return leg


@pytest.mark.parametrize(
    ("what", "is_ringing", "limit_s"),
    [
        ("client", False, 60.0),
        ("client", True, DIALLING_GRACE_S),
        ("path", False, 45.0),
        ("goodbye", False, GOODBYE_GRACE_S),
        ("nothing", False, float("inf")),
    ],
)
def test_a_call_waits_as_long_as_its_limit(what: str, is_ringing: bool, limit_s: float) -> None:
    leg, timeouts = missing(what), CallTimeouts(SETTINGS)
    before = dict(vars(leg))
    for now in (100.0, 105.0, 120.0, 150.0, 170.0, 1e6):
        assert timeouts.is_over(leg, is_ringing, now) is (now - 100.0 > limit_s)
    assert vars(leg) == before


def test_what_came_back_is_waited_for_no_longer() -> None:
    timeouts = CallTimeouts(SETTINGS)
    client, path, goodbye = missing("client"), missing("path"), missing("goodbye")
    client.attach(Client(2))
    path.note_path(True, 110.0)
    goodbye.come_back()
    assert not any(timeouts.is_over(leg, False, 1e6) for leg in (client, path, goodbye))


def test_a_call_rings_until_its_time_is_over_and_is_rejected_at_its_time() -> None:
    timeouts = CallTimeouts(SETTINGS)
    assert not timeouts.has_rung_out(1e6) and not timeouts.is_rejected(1e6)
    timeouts.start(100.0)
    timeouts.reject_at(100.5)
    assert [timeouts.has_rung_out(now) for now in (129.9, 130.0)] == [False, True]
    assert [timeouts.is_rejected(now) for now in (100.4, 100.5)] == [False, True]


@pytest.mark.parametrize(("asked_s", "waits_s"), [(0.0, 60.0), (12.0, 12.0), (300.0, 60.0)])
def test_a_client_may_ask_for_less_patience_than_the_setting_allows(asked_s: float, waits_s: float) -> None:
    leg, timeouts = missing("nothing"), CallTimeouts(SETTINGS)
    leg.attach(Client(2, reconnect_timeout_s=asked_s))
    leg.detach(100.0)
    assert not timeouts.is_over(leg, False, 100.0 + waits_s)
    assert timeouts.is_over(leg, False, 100.1 + waits_s)
