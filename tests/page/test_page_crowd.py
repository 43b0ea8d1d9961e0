"""Who makes room for whom, decided without a socket."""

from __future__ import annotations

import random

import pytest

from agent.net.address import share_of
from agent.page.crowd import Crowd, Doing, Visitor


class Door:
    """A crowd whose visitors remember that they were dropped."""

    def __init__(self, most: int, most_watching: int = 99) -> None:
        self.crowd = Crowd(most, most_watching)
        self.dropped: list[str] = []
        self.now = 0.0

    def enter(self, name: str, address: str = "10.0.0.1", doing: Doing = Doing.MOVING) -> Visitor:
        self.now += 1
        visitor = Visitor(address, self.now, lambda: self.dropped.append(name))
        self.crowd.enter(visitor)
        if doing is Doing.WATCHING:
            self.crowd.watch(visitor, self.now)
        else:
            visitor.turn_to(doing, self.now)
        return visitor


def test_whoever_is_slow_for_longest_makes_room() -> None:
    door = Door(3)
    first = door.enter("first")
    door.enter("second")
    door.enter("third")
    first.turn_to(Doing.MOVING, door.now + 1)

    door.enter("newcomer")

    assert door.dropped == ["second"]


def test_an_address_with_many_connections_makes_room_for_one_with_few() -> None:
    door = Door(10)
    door.enter("owner", "10.0.0.2")
    for number in range(40):
        door.enter(f"stranger {number}", "10.0.0.1", random.Random(number).choice(list(Doing)))

    assert "owner" not in door.dropped
    assert len(door.crowd) == 10


def test_streams_and_guesses_stay_while_somebody_is_slow() -> None:
    door = Door(3)
    door.enter("watching", doing=Doing.WATCHING)
    door.enter("guessing", doing=Doing.GUESSING)
    door.enter("slow")
    door.enter("newcomer")

    assert door.dropped == ["slow"]


def test_of_those_who_guess_the_newest_goes_so_that_each_has_its_turn() -> None:
    door = Door(3)
    for name in ("first", "second", "third", "fourth"):
        door.enter(name, doing=Doing.GUESSING)

    assert door.dropped == ["third"]


def test_of_those_who_watch_the_oldest_of_the_busiest_address_goes() -> None:
    door = Door(99, most_watching=3)
    door.enter("owner", "10.0.0.2", Doing.WATCHING)
    for number in range(4):
        door.enter(f"stranger {number}", "10.0.0.1", Doing.WATCHING)

    assert door.dropped == ["stranger 0", "stranger 1"]


def test_those_who_have_gone_make_room_first_and_all_at_once() -> None:
    door = Door(3)
    door.enter("slow")
    for name in ("first", "second"):
        door.enter(name, doing=Doing.GUESSING).has_gone = lambda: True
    door.enter("newcomer")

    assert sorted(door.dropped) == ["first", "second"]
    assert len(door.crowd) == 2


def test_whoever_left_takes_no_room_and_is_not_dropped() -> None:
    door = Door(2)
    gone = door.enter("gone")
    door.crowd.leave(gone)
    door.crowd.leave(gone)
    door.enter("second")
    door.enter("third")

    assert door.dropped == []


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_an_ipv6_network_has_one_share(one: str, other: str, is_same: bool) -> None:
    assert (share_of(one) == share_of(other)) is is_same
