"""When a token is renewed, on a fake clock."""

from __future__ import annotations

import pytest

from agent.signaling.token.access_token import Validity
from agent.signaling.token.renewal import Renewal

UNIX = 1_700_000_000.0
HOUR = Validity(UNIX, UNIX + 3600)


def renewal(renew_before_s: float = 300, opaque_life_s: float | None = 3000) -> Renewal:
    return Renewal(renew_before_s, opaque_life_s, random=lambda: 0)


def test_a_token_is_renewed_before_its_end():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=10)
    assert (policy.due_s, policy.ends_s) == (10 + 3300, 10 + 3600)


def test_a_short_token_is_renewed_at_half_its_life():
    policy = renewal()
    policy.obtained(Validity(UNIX, UNIX + 60), unix_now=UNIX, now=0)
    assert policy.due_s == 30


def test_a_token_that_was_kept_for_a_while_is_renewed_by_what_remains():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX + 1800, now=0)
    assert policy.due_s == 1500


@pytest.mark.parametrize("unix_now", [0, UNIX - 50_000, UNIX + 1e8])
def test_a_machine_with_a_wrong_clock_believes_in_the_token_s_length(unix_now):
    policy = renewal()
    policy.obtained(HOUR, unix_now=unix_now, now=0)
    assert policy.due_s == 3300


def test_a_token_without_a_beginning_goes_by_the_clock():
    policy = renewal()
    policy.obtained(Validity(None, UNIX + 1000), unix_now=UNIX, now=0)
    assert policy.due_s == 700


@pytest.mark.parametrize(("opaque_life_s", "due_s"), [(3000, 3005), (None, None)])
def test_an_opaque_token_is_renewed_by_setting_or_never(opaque_life_s, due_s):
    policy = renewal(opaque_life_s=opaque_life_s)
    policy.obtained(None, unix_now=UNIX, now=5)
    assert (policy.due_s, policy.ends_s) == (due_s, None)


def test_failures_are_retried_ever_more_seldom():
    policy = renewal()
    now, pauses = 0.0, []
    for _ in range(8):
        policy.failed(now)
        assert policy.due_s is not None
        pauses.append(policy.due_s - now)
        now = policy.due_s
        assert policy.begin(now)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_success_ends_the_back_off():
    policy = renewal()
    for now in (0, 10, 20):
        policy.failed(now)
        assert policy.begin(now + 5)
    policy.obtained(HOUR, unix_now=UNIX, now=30)
    policy.failed(3330)
    assert policy.due_s == 3331


def test_a_deadline_is_due_once_and_not_early():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=0)
    assert not policy.begin(3299)
    assert policy.begin(3300)
    assert not policy.begin(3301)


def test_a_refused_token_is_replaced_at_once():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=0)
    policy.refused(100)
    assert policy.begin(100)


def test_a_token_refused_on_arrival_is_not_replaced_in_a_rush():
    policy = renewal()
    now, pauses = 0.0, []
    for _ in range(5):
        policy.obtained(HOUR, unix_now=UNIX, now=now)
        policy.refused(now)
        assert policy.due_s is not None
        pauses.append(policy.due_s - now)
        now = policy.due_s
        assert policy.begin(now)
    assert pauses == [1, 2, 4, 8, 16]


def test_a_source_that_still_gives_the_old_token_is_asked_again_with_back_off():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX + 3400, now=0)
    assert policy.due_s == 1


def test_a_changed_network_ends_the_pause_after_a_failure():
    policy = renewal()
    policy.failed(0)
    policy.network_changed(0.1)
    assert policy.begin(0.1)


def test_a_changed_network_does_not_hurry_a_planned_renewal():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=0)
    policy.network_changed(1)
    assert not policy.begin(1)
