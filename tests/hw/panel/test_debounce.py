from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hw.panel.debounce import REREAD_PRESSED_S, Debounce

SETTLE_S = 0.02

edges = st.lists(st.tuples(st.booleans(), st.floats(0.0001, 0.2)), max_size=60)


def released() -> Debounce:
    return Debounce(SETTLE_S, False, 0.0)


def test_a_level_that_stands_still_is_a_press() -> None:
    contact = released()
    contact.edge(True, 1.0)
    assert contact.due == 1.0 + SETTLE_S
    assert contact.read(True, contact.due)
    assert contact.pressed


def test_a_spike_is_nothing() -> None:
    contact = released()
    contact.edge(True, 1.0)
    contact.edge(False, 1.005)
    assert not contact.read(False, 1.1)
    assert not contact.pressed


def test_bouncing_starts_the_time_anew() -> None:
    contact = released()
    for at, level in ((1.0, True), (1.01, False), (1.012, True)):
        contact.edge(level, at)
    assert not contact.read(True, 1.025)
    assert contact.read(True, 1.012 + SETTLE_S)


def test_a_lost_edge_of_the_release_is_recovered_by_reading() -> None:
    contact = Debounce(SETTLE_S, True, 0.0)
    assert contact.due == REREAD_PRESSED_S
    assert not contact.read(False, contact.due)
    assert contact.read(False, contact.due)
    assert not contact.pressed


def test_a_lost_edge_at_the_end_of_a_spike_is_no_press() -> None:
    contact = released()
    contact.edge(True, 1.0)
    assert not contact.read(False, contact.due)
    assert not contact.pressed


def test_edges_that_arrive_late_count_with_their_own_times() -> None:
    contact = released()
    assert not contact.edge(True, 1.0)
    assert contact.edge(False, 1.5)
    assert contact.pressed
    assert contact.changed_at == 1.0 + SETTLE_S


@given(edges)
def test_presses_and_releases_alternate_and_the_end_is_the_truth(steps: list[tuple[bool, float]]) -> None:
    contact, now, level, changes = released(), 0.0, False, []
    for to, after in steps:
        now += after
        level = to
        if contact.edge(to, now):
            changes.append(contact.pressed)
    for _ in range(2):
        now = max(now, contact.due)
        if contact.read(level, now):
            changes.append(contact.pressed)
    assert changes == [i % 2 == 0 for i in range(len(changes))]
    assert contact.pressed == level


@given(edges, st.data())
def test_any_loss_of_edges_is_repaired_within_one_reading_and_one_settling(
    steps: list[tuple[bool, float]], data: st.DataObject
) -> None:
    contact, now, level = released(), 0.0, False
    for to, after in steps:
        now += after
        level = to
        if data.draw(st.booleans(), label="reported"):
            contact.edge(to, now)
    for _ in range(2):
        now = max(now, contact.due)
        contact.read(level, now)
    assert contact.pressed == level
