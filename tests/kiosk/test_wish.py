"""Whom a bell calls, one after the other, with a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.config.directory import DirectoryEntry
from agent.kiosk.wish import PACE_S, Step, Wish, steps_of

NOON = datetime(2026, 3, 6, 12)  # a Friday
FLATS = {
    "house": DirectoryEntry(("ground", "first"), ring_s=15, fallback="caretaker"),
    "caretaker": DirectoryEntry(("desk", "mobile"), ring="all", ring_s=30, night_targets=("guard",),
                                night_from="22:00", night_to="06:00", night_days=("fri", "sat")),
}  # fmt: skip


def test_targets_are_called_in_turn_and_then_those_of_the_fallback_together() -> None:
    assert steps_of(FLATS, "house", NOON, 60) == (Step("ground", 15), Step("first", 15), Step("desk,mobile", 30))


def test_who_is_in_no_entry_is_called_as_it_is() -> None:
    assert steps_of(FLATS, "+4930,1", NOON, 60) == (Step("+4930,1", 60),)
    assert steps_of({}, "house", NOON, None) == (Step("house", None),)


def test_at_night_somebody_else_is_called_until_its_end_on_the_next_day() -> None:
    def called(*, day: int, hour: int) -> str:
        return steps_of(FLATS, "caretaker", NOON.replace(day=day, hour=hour), 60)[0].to

    assert called(day=6, hour=21) == "desk,mobile"
    assert called(day=6, hour=22) == "guard"
    assert called(day=7, hour=5) == "guard"
    assert called(day=8, hour=5) == "guard"  # Saturday's night ends on Sunday
    assert called(day=8, hour=22) == "desk,mobile"
    assert called(day=6, hour=5) == "desk,mobile"  # Thursday's night is none of these


def test_fallbacks_in_a_circle_are_called_once() -> None:
    circle = {"a": DirectoryEntry(("x",), fallback="b"), "b": DirectoryEntry(("y",), fallback="a")}
    assert [step.to for step in steps_of(circle, "b", NOON, 60)] == ["y", "x"]


ENTRIES = st.dictionaries(
    st.sampled_from("abcd"),
    st.builds(
        DirectoryEntry,
        targets=st.lists(st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=4, unique=True).map(tuple),
        ring=st.sampled_from(["all", "in_turn"]),
        ring_s=st.floats(3, 60),
        fallback=st.sampled_from(["", "a", "b", "c", "d"]),
    ),
    min_size=1,
)


@given(ENTRIES, st.data())
def test_whatever_becomes_of_each_call_everybody_is_called_once_in_order_and_then_it_ends(
    entries: dict[str, DirectoryEntry], data: st.DataObject
) -> None:
    steps = steps_of(entries, data.draw(st.sampled_from(sorted(entries))), NOON, 60)
    now, called = 100.0, []
    wish: Wish | None = Wish(steps, {"room": "lobby"}, now, 10.0)
    while wish is not None:
        assert wish.all_params() == {"To": wish.to, "room": "lobby"}
        now = max(now, wish.begun_s)
        called.append((wish.to, now))
        now += data.draw(st.one_of(st.just(0.0), st.floats(0, wish.ring_s or 60)))  # refused at once, or rung out
        wish = wish.next(now)
    assert [to for to, _ in called] == [step.to for step in steps]
    at = [moment for _, moment in called]
    assert all(later - earlier >= PACE_S - 1e-9 for earlier, later in pairwise(at))
    assert at[-1] - at[0] <= sum(max(step.ring_s or 0, PACE_S) for step in steps)


def test_a_lost_connection_is_worth_another_try_for_so_long_at_each_step() -> None:
    wish = Wish((Step("a", 20), Step("b", 20)), {}, 100.0, 10.0)
    assert wish.is_patient(109.9)
    assert not wish.is_patient(110.0)
    following = wish.next(120.0)
    assert following is not None
    assert following.is_patient(129.9)


def test_parameters_are_not_shown() -> None:
    assert "secret" not in repr(Wish((Step("a", 20),), {"pass": "secret"}, 0.0, 10.0))


@given(st.integers(0, 7 * 24 * 60), st.sets(st.integers(0, 6)), st.times(), st.times())
def test_a_night_lasts_as_long_as_it_says(minute: int, days: set[int], start: object, end: object) -> None:
    from hw.week_hours import WeekHours

    hours = WeekHours(frozenset(days), start, end)  # type: ignore[arg-type]
    monday = datetime(2026, 3, 2)
    at = monday + timedelta(minutes=minute)
    begun = []
    for back in (0, 1):
        day = at.date() - timedelta(days=back)
        begins = datetime.combine(day, hours.start)
        ends = datetime.combine(day + timedelta(days=hours.end <= hours.start), hours.end)
        begun.append(day.weekday() in days and begins <= at < ends)
    assert hours.hold_at(at) == any(begun)
