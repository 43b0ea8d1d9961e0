"""Who makes room for a newcomer."""

from __future__ import annotations

import random

import pytest

from agent.switchboard.newcomers import Newcomer, Newcomers


class Room:
    """Newcomers with names, and who was dropped, in that order."""

    def __init__(self, most_silent: int = 4, most_speaking: int = 3) -> None:
        self.newcomers = Newcomers(most_silent, most_speaking)
        self.dropped: list[str] = []

    def enter(self, name: str, address: str = "192.0.2.1") -> Newcomer:
        newcomer = Newcomer(address, lambda: self.dropped.append(name))
        self.newcomers.enter(newcomer)
        return newcomer


def test_the_one_that_has_been_silent_for_longest_goes_first() -> None:
    room = Room()
    for name in "abcdef":
        room.enter(name)
    assert room.dropped == ["a", "b"]
    assert len(room.newcomers) == 4


def test_the_address_with_the_most_makes_room_for_the_others() -> None:
    room = Room()
    for name, address in (("honest", "192.0.2.9"), ("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "192.0.2.2")):
        room.enter(name, address)
    room.enter("d", "192.0.2.1")
    room.enter("e", "192.0.2.1")
    assert room.dropped == ["a", "b"]


def test_a_network_of_one_customer_is_one_address() -> None:
    room = Room()
    room.enter("honest", "192.0.2.9")
    for number in range(6):
        room.enter(str(number), f"2001:db8::{number}")
    assert room.dropped == ["0", "1", "2"]


def test_those_who_speak_have_room_of_their_own() -> None:
    room = Room()
    speaking = [room.enter(name) for name in "abc"]
    for newcomer in speaking:
        room.newcomers.speak(newcomer)
    for name in "defgh":
        room.enter(name)
    assert room.dropped == ["d"]
    another = room.enter("i")
    room.newcomers.speak(another)
    assert room.dropped == ["d", "e", "a"]


def test_whoever_has_shown_a_token_makes_room_for_nobody() -> None:
    room = Room()
    member = room.enter("member")
    room.newcomers.speak(member)
    room.newcomers.leave(member)
    room.newcomers.leave(member)
    for name in "abcdefg":
        room.newcomers.speak(room.enter(name))
    assert "member" not in room.dropped
    assert len(room.newcomers) == 3


def test_the_end_drops_only_those_who_say_nothing() -> None:
    room = Room()
    room.newcomers.speak(room.enter("a"))
    room.enter("b")
    room.newcomers.drop_silent()
    assert room.dropped == ["b"] and len(room.newcomers) == 1


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_and_goes_there_are_never_too_many_and_each_is_dropped_once(seed: int) -> None:
    dice, room, here = random.Random(seed), Room(), []
    for number in range(300):
        here = [one for one in here if one[0] not in room.dropped]
        doing = dice.randrange(4)
        if doing < 2 or not here:
            name = str(number)
            here.append((name, room.enter(name, f"192.0.2.{dice.randrange(4)}"), [False]))
        elif doing == 2:
            _, newcomer, has_spoken = dice.choice(here)
            if not has_spoken[0]:
                has_spoken[0] = True
                room.newcomers.speak(newcomer)
        else:
            gone = here.pop(dice.randrange(len(here)))
            room.newcomers.leave(gone[1])
        assert len(room.newcomers) <= 7
        assert len(room.dropped) == len(set(room.dropped))
