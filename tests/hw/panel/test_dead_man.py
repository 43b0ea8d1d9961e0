from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hw.panel.dead_man import DeadMan


def test_an_output_is_let_go_when_nothing_more_is_said() -> None:
    dead_man = DeadMan(3.0, 30.0)
    dead_man.hold(10.0)

    assert not dead_man.tick(12.9)
    assert dead_man.tick(13.0)
    assert not dead_man.is_held


def test_saying_so_again_keeps_it_but_not_for_ever() -> None:
    dead_man = DeadMan(3.0, 5.0)
    dead_man.hold(10.0)
    dead_man.hold(12.0)
    dead_man.hold(14.0)

    assert dead_man.deadline() == 15.0
    assert dead_man.tick(15.0)


def test_what_is_not_held_is_never_late() -> None:
    dead_man = DeadMan(3.0, 5.0)
    dead_man.hold(10.0)
    dead_man.let_go()

    assert dead_man.deadline() is None
    assert not dead_man.tick(100.0)


@given(st.lists(st.tuples(st.sampled_from(["hold", "let go", "tick"]), st.floats(0.0, 4.0))))
def test_it_is_never_held_longer_than_either_limit(said: list[tuple[str, float]]) -> None:
    dead_man, now = DeadMan(3.0, 5.0), 0.0
    since: float | None = None
    heard = 0.0
    for what, pause in said:
        deadline = dead_man.deadline()
        if deadline is not None and deadline <= now + pause:
            assert dead_man.tick(deadline)  # whoever drives it ticks at its deadline
            since = None
        now += pause
        if what == "hold":
            dead_man.hold(now)
            since, heard = now if since is None else since, now
        elif what == "let go":
            dead_man.let_go()
            since = None
        else:
            dead_man.tick(now)
        assert dead_man.is_held == (since is not None)
        if since is not None:
            assert now - since <= 5.0
            assert now - heard <= 3.0
