"""When a token is renewed, on a fake clock."""

from __future__ import annotations

from itertools import pairwise

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


class Source:
    """A server of tokens, and a box that fetches from it whenever its policy says so, for a while."""

    def __init__(self, life_s: float, *, cache_s: float = 0.0, clock_off_s: float = 0.0, has_beginning: bool = True):
        self.life_s, self.cache_s, self.clock_off_s, self.has_beginning = life_s, cache_s, clock_off_s, has_beginning
        self.minted_at = -cache_s * 0.9

    def token(self, now: float) -> Validity:
        if now - self.minted_at >= self.cache_s:
            self.minted_at = now
        beginning = UNIX + self.minted_at
        return Validity(beginning if self.has_beginning else None, beginning + self.life_s)

    def fetches(self, hours: float, refuse_after_s: float | None = None) -> list[float]:
        policy, now, fetched = renewal(), 0.0, [0.0]
        policy.changed(0.0)
        while now < hours * 3600:
            assert policy.begin(now)
            policy.obtained(self.token(now), unix_now=UNIX + now + self.clock_off_s, now=now)
            fetched.append(now)
            assert policy.due_s is not None
            if refuse_after_s is not None and policy.due_s > now + refuse_after_s:
                policy.refused(now + refuse_after_s)
            now = policy.due_s
        return fetched


@pytest.mark.parametrize("clock_off_s", [-4000, -3601, -3599, -60, 0, 1800, 3240, 3301, 3400, 3550, 3599, 3601, 9000])
@pytest.mark.parametrize("life_s", [600, 3600, 86_400])
def test_a_clock_that_is_wrong_costs_no_more_than_a_few_fetches_in_a_token_s_life(life_s, clock_off_s):
    fetched = Source(life_s, clock_off_s=clock_off_s).fetches(hours=48)
    assert len(fetched) <= 6 + 48 * 3600 / (0.4 * life_s)


@pytest.mark.parametrize("clock_off_s", [-4000, 0, 3000, 3500, 3530, 3590, 3599, 3700])
def test_a_token_without_a_beginning_and_a_wrong_clock_lead_to_two_fetches_a_minute_at_most(clock_off_s):
    fetched = Source(3600, clock_off_s=clock_off_s, has_beginning=False).fetches(hours=10)
    assert len(fetched) <= 10 + 10 * 120


@pytest.mark.parametrize("cache_s", [10, 55, 1000, 3400, 3599])
@pytest.mark.parametrize("has_beginning", [True, False])
def test_a_source_that_hands_out_what_it_kept_is_asked_ever_more_seldom(cache_s, has_beginning):
    fetched = Source(3600, cache_s=cache_s, has_beginning=has_beginning).fetches(hours=10)
    pauses = [later - sooner for sooner, later in pairwise(fetched[1:])]
    assert len(fetched) <= 10 * 14
    assert min(pauses) >= 1


@pytest.mark.parametrize("life_s", [20, 60, 300])
def test_a_short_token_is_renewed_before_it_ends_for_ever(life_s):
    fetched = Source(life_s).fetches(hours=2)
    pauses = [later - sooner for sooner, later in pairwise(fetched[1:])]
    assert set(pauses) == {life_s / 2}


@pytest.mark.parametrize("life_s", [0, 0.5, -5])
def test_a_token_too_short_to_be_of_use_is_not_fetched_in_a_rush(life_s):
    assert len(Source(life_s).fetches(hours=1)) <= 75


@pytest.mark.parametrize("refuse_after_s", [0.5, 29, 31, 45, 100])
def test_a_service_that_refuses_each_token_after_a_while_is_not_given_new_ones_in_a_rush(refuse_after_s):
    assert len(Source(3600).fetches(hours=2, refuse_after_s=refuse_after_s)) <= 10 + 2 * 3600 / (60 + refuse_after_s)


def test_refusals_do_not_hurry_a_source_that_fails():
    policy, now = renewal(), 0.0
    policy.obtained(HOUR, unix_now=UNIX, now=now)
    policy.refused(100)
    tries = 0
    for now in range(100, 3700, 30):
        policy.refused(now)
        if policy.begin(now):
            tries += 1
            policy.failed(now)
    assert tries <= 65


def test_a_token_that_the_service_takes_again_is_renewed_at_once_when_it_is_refused_much_later():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=0)
    policy.refused(1)
    policy.begin(2)
    policy.obtained(HOUR, unix_now=UNIX, now=2)
    policy.refused(2000)
    assert policy.begin(2000)


# What the service says


@pytest.mark.parametrize("clock_off_s", [-50_000, -600, 0, 600, 3_000, 1e8])
def test_what_the_service_says_counts_whatever_the_clock_says(clock_off_s):
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX + clock_off_s, now=0)

    policy.told(1800, 1)

    assert (policy.due_s, policy.ends_s) == (1 + 1500, 1 + 1800)


@pytest.mark.parametrize("clock_off_s", [-50_000, -600, 0, 600, 3_000])
def test_a_token_without_a_beginning_needs_no_clock_when_the_service_has_told_its_end(clock_off_s):
    policy = renewal()
    policy.obtained(Validity(None, UNIX + 3600), unix_now=UNIX + clock_off_s, now=0)

    policy.told(3596, 1)

    assert policy.due_s == pytest.approx(1 + 3296, abs=4)


def test_whole_seconds_of_the_service_do_not_hurry_the_renewal_of_a_short_token():
    policy = renewal()
    for now in range(0, 20, 2):
        policy.obtained(Validity(UNIX + now, UNIX + now + 2), unix_now=UNIX + now, now=now)
        policy.told(1, now + 0.1)
        assert policy.due_s == now + 1
        assert policy.begin(now + 1)


def test_the_end_of_an_opaque_token_is_known_when_the_service_has_told_it():
    policy = renewal()
    policy.obtained(None, unix_now=UNIX, now=0)
    assert policy.due_s == 3000

    policy.told(600, 1)
    assert policy.due_s == 1 + 300

    policy.told(560, 41)
    assert policy.due_s == 1 + 300

    policy.told(200, 50)
    assert policy.due_s == 50 + 100


def test_a_token_that_is_never_renewed_is_not_renewed_because_its_end_is_known():
    policy = renewal(opaque_life_s=None)
    policy.obtained(None, unix_now=UNIX, now=0)
    policy.told(600, 1)
    assert (policy.due_s, policy.ends_s) == (None, 601)


def test_a_try_that_is_due_or_planned_after_a_failure_stays_as_it_is():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=0)
    policy.changed(10)
    policy.told(3590, 10)
    assert policy.begin(10)

    policy.told(3580, 20)
    assert policy.due_s is None  # the fetch is under way
    policy.failed(30)
    due_s = policy.due_s
    policy.told(3570, 30)
    assert policy.due_s == due_s


def test_a_refused_token_is_replaced_though_the_service_took_it_again():
    policy = renewal()
    policy.obtained(HOUR, unix_now=UNIX, now=0)
    policy.refused(100)
    policy.told(3500, 100)
    assert policy.begin(100)


@pytest.mark.parametrize(
    ("told_s", "is_opaque"), [(told_s, False) for told_s in (-5, 0, 0.5, 59, 200, 359)] + [(0, True), (0.9, True)]
)
def test_a_service_that_gives_tokens_next_to_no_time_is_not_given_new_ones_in_a_rush(told_s, is_opaque):
    policy, now, fetches = renewal(), 0.0, 0
    policy.changed(0.0)
    while now < 7200:
        if policy.begin(now):
            fetches += 1
            fresh = None if is_opaque else Validity(UNIX + now, UNIX + now + 3600)
            policy.obtained(fresh, unix_now=UNIX + now, now=now)
            policy.told(told_s, now)
        now = policy.due_s
    assert fetches <= 10 + 7200 / 60
