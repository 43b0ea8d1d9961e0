"""Who makes room for a newcomer."""

from __future__ import annotations

import random

import pytest

from agent.switchboard.newcomers import MOST_AT_ONCE, TURN_S, Newcomer, Newcomers


class Room:
    """Newcomers with names, and who was dropped and who was let in, in that order."""

    def __init__(self, most_waiting: int = 4, most_speaking: int = 3) -> None:
        self.newcomers = Newcomers(most_waiting, most_speaking)
        self.dropped: list[str] = []
        self.let_in: list[str] = []

    def enter(self, name: str, address: str = "192.0.2.1") -> Newcomer:
        newcomer = Newcomer(address, lambda: self.dropped.append(name), lambda: self.let_in.append(name))
        self.newcomers.enter(newcomer)
        return newcomer

    def speak(self, name: str, now: float, address: str = "192.0.2.1") -> Newcomer:
        newcomer = self.enter(name, address)
        self.newcomers.speak(newcomer, now)
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


def test_those_who_say_nothing_take_no_turn_and_go_before_those_who_wait_for_one() -> None:
    room = Room(most_speaking=1)
    room.enter("silent")
    for name in "abc":
        room.speak(name, 0.0)
    assert room.let_in == ["a"] and room.newcomers.are_waiting
    for name in "de":
        room.enter(name)
    assert room.dropped == ["silent"]


def test_turns_are_given_in_order_as_soon_as_a_place_is_free() -> None:
    room = Room(most_speaking=1)
    a, _, _ = (room.speak(name, 0.0) for name in "abc")
    room.newcomers.leave(a, 0.1)
    assert room.let_in == ["a", "b"] and room.dropped == []


def test_an_address_with_few_comes_before_one_with_many() -> None:
    room = Room(most_waiting=10)
    crowd = [room.speak(name, 0.0, "192.0.2.1") for name in "abcdef"]
    room.speak("honest", 0.0, "192.0.2.2")
    assert room.let_in == ["a", "b", "c"]
    room.newcomers.leave(crowd[0], 0.1)
    assert room.let_in[-1] == "honest"


def test_who_does_nothing_with_its_place_gives_it_up_when_others_wait() -> None:
    room = Room(most_speaking=2)
    idle, busy = room.speak("idle", 0.0), room.speak("busy", 0.0)
    room.newcomers.tick(60.0)
    assert room.dropped == []
    room.newcomers.act(busy, 60.0)
    busy.began_at = 60.0
    room.speak("next", 60.1)
    assert room.dropped == ["idle"] and room.let_in[-1] == "next"
    assert idle.is_idle(60.1) and not busy.is_idle(60.1)


def test_who_is_busy_for_ever_gives_its_place_up_as_well() -> None:
    room = Room(most_speaking=1)
    busy = room.speak("busy", 0.0)
    room.speak("next", 0.0)
    for tenth in range(29):
        room.newcomers.act(busy, tenth / 10)
        room.newcomers.tick(tenth / 10)
    assert room.dropped == []
    room.newcomers.act(busy, 3.0)
    room.newcomers.tick(3.0)
    assert room.dropped == ["busy"] and room.let_in == ["busy", "next"]


def test_no_more_begin_in_one_turn_than_others_can_bear_and_the_crowded_address_waits() -> None:
    room = Room(most_waiting=100, most_speaking=100)
    for number in range(20):
        room.speak(f"crowd {number}", 0.0)
    room.speak("honest", TURN_S / 2, "192.0.2.2")
    assert len(room.let_in) == MOST_AT_ONCE and room.newcomers.are_waiting

    room.newcomers.tick(TURN_S)
    assert len(room.let_in) == 2 * MOST_AT_ONCE and room.let_in[MOST_AT_ONCE] == "honest"

    for turn in range(2, 6):
        room.newcomers.tick(2 * turn * TURN_S)
    assert len(room.let_in) == 21 and not room.newcomers.are_waiting


def test_whoever_has_shown_a_token_makes_room_for_nobody() -> None:
    room = Room()
    member = room.speak("member", 0.0)
    room.newcomers.leave(member, 0.0)
    room.newcomers.leave(member, 0.0)
    for number in range(7):
        room.speak(str(number), float(number))
    assert "member" not in room.dropped


def test_the_end_drops_those_who_had_no_turn() -> None:
    room = Room(most_speaking=1)
    room.speak("a", 0.0)
    room.speak("b", 0.0)
    room.enter("c")
    room.newcomers.drop_waiting()
    assert sorted(room.dropped) == ["b", "c"] and len(room.newcomers) == 1


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_and_goes_there_are_never_too_many_and_nobody_waits_for_ever(seed: int) -> None:
    dice, room, here, now = random.Random(seed), Room(), {}, 0.0
    for number in range(400):
        now += dice.random() / 4
        here = {name: one for name, one in here.items() if name not in room.dropped}
        doing, name = dice.randrange(4), str(number)
        if doing < 2 or not here:
            here[name] = room.enter(name, f"192.0.2.{dice.randrange(4)}")
        elif doing == 2:
            silent = [one for one in here.values() if one in room.newcomers._silent]
            if silent:
                room.newcomers.speak(dice.choice(silent), now)
        else:
            room.newcomers.leave(here.pop(dice.choice(list(here))), now)
        assert len(room.newcomers) <= 7
        assert len(room.dropped) == len(set(room.dropped)) and len(room.let_in) == len(set(room.let_in))
    room.newcomers.tick(now + 10)
    room.newcomers.tick(now + 20)
    assert not room.newcomers.are_waiting
