"""The recovery policy with a clock of its own and back-off without jitter."""

from __future__ import annotations

import pytest

from agent.voice.recovery_effects import RecoveryEffect
from agent.voice.recovery_policy import Recovery, RecoveryLimits

E = RecoveryEffect


class Path:
    """A policy and the time; `tell(...)` feeds it and lets its timers run."""

    def __init__(self, enabled: bool = True, negotiated: bool = True) -> None:
        self.policy = Recovery(enabled, RecoveryLimits(), random=lambda: 0.0)
        self.now = 100.0
        if negotiated:
            self.policy.negotiated(self.now)
            self.policy.ice_state("connected", self.now)

    def wait(self, seconds: float) -> list[RecoveryEffect]:
        """What the policy wants while this much time passes."""
        end, effects = self.now + seconds, []
        while (due := self.policy.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            effects += self.policy.tick(self.now)
        self.now = end
        return effects

    def ice(self, state: str) -> list[RecoveryEffect]:
        return self.policy.ice_state(state, self.now) + self.wait(0.01)

    def lost(self) -> None:
        """An episode has begun and its first restart has gone out."""
        assert self.ice("failed") == [E.BEGIN, E.RESTART]

    def answered(self) -> list[RecoveryEffect]:
        """The restart is answered."""
        return self.policy.negotiated(self.now)


def test_a_failed_path_begins_an_episode_with_a_restart_at_once() -> None:
    assert Path().ice("failed") == [E.BEGIN, E.RESTART]


def test_without_recovery_a_failed_path_is_fatal() -> None:
    assert Path(enabled=False).ice("failed") == [E.FATAL]


def test_without_recovery_a_disconnected_path_is_only_warned_of() -> None:
    path = Path(enabled=False)

    assert path.ice("disconnected") == [E.CONNECTIVITY_LOST]
    assert path.policy.low_bytes("low-bytes-sent", True, path.now) == []
    assert path.ice("connected") == [E.CONNECTIVITY_BACK]


def test_a_disconnected_path_with_bytes_flowing_is_only_warned_of() -> None:
    assert Path().ice("disconnected") == [E.CONNECTIVITY_LOST]


@pytest.mark.parametrize("name", ["low-bytes-sent", "low-bytes-received"])
def test_missing_bytes_on_a_disconnected_path_begin_an_episode(name: str) -> None:
    path = Path()
    path.ice("disconnected")

    assert path.policy.low_bytes(name, True, path.now) == [E.BEGIN]


def test_a_path_that_disconnects_while_bytes_are_missing_begins_an_episode() -> None:
    path = Path()
    assert path.policy.low_bytes("low-bytes-received", True, path.now) == []

    assert path.ice("disconnected") == [E.CONNECTIVITY_LOST, E.BEGIN, E.RESTART]


def test_bytes_that_came_back_no_longer_count() -> None:
    path = Path()
    path.policy.low_bytes("low-bytes-received", True, path.now)
    path.policy.low_bytes("low-bytes-received", False, path.now)

    assert path.ice("disconnected") == [E.CONNECTIVITY_LOST]


def test_a_connected_path_ends_the_episode_once() -> None:
    path = Path()
    path.lost()
    path.answered()
    path.ice("checking")

    assert path.ice("connected") == [E.CONNECTIVITY_BACK, E.END]
    assert path.ice("connected") == []


def test_disconnected_then_failed_is_one_episode() -> None:
    path = Path()
    path.policy.low_bytes("low-bytes-sent", True, path.now)

    effects = path.ice("disconnected") + path.ice("failed")

    assert effects.count(E.BEGIN) == 1


def test_two_sources_of_one_state_count_once() -> None:
    path = Path()

    effects = path.ice("disconnected") + path.policy.connection_state("disconnected", path.now)

    assert effects == [E.CONNECTIVITY_LOST]


def test_a_restart_that_fails_after_its_answer_is_tried_again() -> None:
    path = Path()
    path.lost()
    path.answered()

    assert path.ice("failed") == [E.RESTART]


def test_a_failure_before_the_answer_is_not_told_twice() -> None:
    path = Path()
    path.lost()

    assert path.ice("failed") == []


def test_an_offer_that_cannot_be_made_is_tried_again() -> None:
    path = Path()
    path.lost()

    assert path.policy.restart_failed(path.now) + path.wait(0.01) == [E.RESTART]


def test_a_failure_within_30_s_is_retried_and_a_later_one_is_fatal() -> None:
    path = Path()
    path.lost()
    path.wait(29.9)
    path.answered()
    assert path.ice("failed") == [E.RESTART]
    path.wait(0.2)
    path.answered()

    assert path.ice("failed") == [E.FATAL]


def test_an_episode_without_news_ends_by_the_watchdog() -> None:
    path = Path()
    path.lost()

    assert path.wait(34.9) == []
    assert path.wait(0.2) == [E.FATAL]


def test_the_watchdog_keeps_a_path_that_never_broke() -> None:
    path = Path()
    assert path.policy.network_changed(True, path.now) == [E.BEGIN]

    assert path.wait(36)[-1] is E.END


def test_nothing_comes_after_the_end_of_the_call() -> None:
    path = Path()
    path.lost()
    path.policy.close(path.now)

    assert path.wait(60) == []
    assert path.ice("failed") == []


def test_a_change_of_the_network_restarts_at_once() -> None:
    path = Path()

    assert path.policy.network_changed(True, path.now) + path.wait(0.01) == [E.BEGIN, E.RESTART]


def test_a_new_path_beside_one_that_never_broke_ends_the_episode() -> None:
    path = Path()
    path.policy.network_changed(True, path.now)
    path.wait(0.01)
    path.answered()

    assert path.policy.path_selected(path.now) == [E.END]


@pytest.mark.parametrize("waits_s", [0, 0.01, 20])
def test_a_path_to_which_the_media_moved_by_itself_ends_the_episode_without_signaling(waits_s: float) -> None:
    path = Path()
    path.policy.signaling(False, path.now)
    path.policy.network_changed(True, path.now)
    path.wait(waits_s)

    assert path.policy.path_selected(path.now) == [E.END]
    assert path.wait(60) == []
    assert path.policy.signaling(True, path.now) + path.wait(60) == []


@pytest.mark.parametrize("state", ["disconnected", "failed"])
def test_a_pair_that_is_chosen_on_a_broken_path_proves_nothing_yet(state: str) -> None:
    path = Path()
    path.policy.low_bytes("low-bytes-sent", True, path.now)
    path.ice(state)

    assert path.policy.path_selected(path.now) == []
    assert E.END in path.ice("connected")


def test_another_change_of_the_network_restarts_again() -> None:
    path = Path()
    path.lost()
    path.wait(5)

    assert path.policy.network_changed(True, path.now) + path.wait(0.01) == [E.RESTART]


def test_a_change_of_the_network_before_the_answer_waits_for_it() -> None:
    path = Path(negotiated=False)
    assert path.policy.network_changed(True, path.now) + path.wait(1) == []

    assert path.policy.negotiated(path.now) + path.wait(0.01) == [E.BEGIN, E.RESTART]


def test_without_any_network_a_restart_waits_for_one() -> None:
    path = Path()
    assert path.policy.network_changed(False, path.now) + path.wait(5) == [E.BEGIN]

    assert path.policy.network_changed(True, path.now) + path.wait(0.01) == [E.RESTART]


def test_a_restart_waits_for_signaling() -> None:
    path = Path()
    path.policy.signaling(False, path.now)
    assert path.ice("failed") == [E.BEGIN]

    assert path.policy.signaling(True, path.now) == [E.RESTART]


def test_a_restart_that_was_lost_with_the_socket_is_made_again() -> None:
    path = Path()
    path.lost()
    path.policy.signaling(False, path.now)

    assert path.policy.signaling(True, path.now) == [E.RESTART]


def test_a_restart_that_was_answered_is_not_made_again_with_the_next_socket() -> None:
    path = Path()
    path.lost()
    path.answered()
    path.policy.signaling(False, path.now)

    assert path.policy.signaling(True, path.now) == []


def test_signaling_that_comes_back_leaves_a_healthy_path_alone() -> None:
    path = Path()
    path.policy.signaling(False, path.now)

    assert path.policy.signaling(True, path.now) == []


def test_gathering_that_takes_too_long_is_a_failure() -> None:
    path = Path()
    path.policy.gathering_state("gathering", path.now)

    assert path.wait(14.999) == []
    assert path.wait(0.002) == [E.GATHERING_TIMEOUT, E.BEGIN]


def test_gathering_that_finds_nothing_is_a_failure() -> None:
    path = Path()
    path.policy.gathering_state("gathering", path.now)

    assert path.policy.gathering_state("complete", path.now) == [E.GATHERING_NONE, E.BEGIN]


def test_gathering_that_finds_something_is_none() -> None:
    path = Path()
    path.policy.gathering_state("gathering", path.now)
    path.policy.candidate(path.now)

    assert path.policy.gathering_state("complete", path.now) + path.wait(20) == []


def test_without_recovery_a_gathering_failure_is_fatal() -> None:
    path = Path(enabled=False, negotiated=False)
    path.policy.gathering_state("gathering", path.now)

    assert path.wait(16) == [E.GATHERING_TIMEOUT, E.FATAL]


def test_restarts_follow_failures_in_growing_steps() -> None:
    path = Path()
    path.lost()
    waits_ms: list[float] = []
    for _ in range(60):
        path.policy.restart_failed(path.now)
        due = path.policy.deadline()
        assert due is not None
        waits_ms.append((due - path.now) * 1000)
        path.wait(0.4)

    assert waits_ms[0] == pytest.approx(1)
    assert waits_ms == sorted(waits_ms)
    assert waits_ms[49] == pytest.approx(117, abs=12)


def test_a_path_that_disconnects_in_silence_begins_an_episode() -> None:
    path = Path()
    assert path.policy.heard(False, path.now) == []

    assert path.ice("disconnected") == [E.CONNECTIVITY_LOST, E.BEGIN, E.RESTART]


def test_silence_that_is_over_begins_nothing() -> None:
    path = Path()
    path.policy.heard(False, path.now)
    path.policy.heard(True, path.now)

    assert path.ice("disconnected") == [E.CONNECTIVITY_LOST]


def test_restart_that_is_answered_after_the_path_came_back_begins_no_second_episode() -> None:
    path = Path()
    path.policy.heard(False, path.now)
    assert path.ice("disconnected") == [E.CONNECTIVITY_LOST, E.BEGIN, E.RESTART]
    assert path.ice("connected") == [E.CONNECTIVITY_BACK, E.END]  # the packets come a moment after the answered check

    assert path.answered() == []
    assert path.policy.path_selected(path.now) == []
    assert path.policy.connection_state("connected", path.now) == []
    path.policy.heard(True, path.now)
    path.policy.heard(False, path.now)  # a short gap while the sender changes its path
    assert path.policy.signaling(False, path.now) + path.policy.signaling(True, path.now) == []
    assert path.wait(60) == []
    assert not path.policy.reconnecting
