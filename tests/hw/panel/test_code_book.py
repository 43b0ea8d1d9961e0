"""Named codes: whose is which, at what hours, and once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.errors import SettingError
from hw.panel.code_book import LEAST_COST, SALT_BYTES, CodeBook, CodeSettings, HashedCode, hash_code
from hw.panel.door_code import CodeVerdict, DoorCode
from hw.panel.settings import DoorSettings

SALT = bytes(range(SALT_BYTES))
MONDAY_9 = datetime(2026, 3, 2, 9)


def named(digits: str, **more: Any) -> CodeSettings:
    return CodeSettings(str(hash_code(digits, SALT, LEAST_COST)), **more)


def dial(door: DoorCode, digits: str, at: datetime = MONDAY_9) -> list[CodeVerdict]:
    verdicts = [door.digit(digit, float(number), at) for number, digit in enumerate(digits)]
    return [verdict for verdict in verdicts if verdict is not None]


def door_with(plain: str = "", tries: int = 3, **codes: CodeSettings) -> DoorCode:
    return DoorCode(DoorSettings(tries=tries), CodeBook(plain, codes))


def test_each_code_opens_and_is_known_by_its_name() -> None:
    door = door_with("1111", post=named("4711"), milk=named("2468"))
    for digits, owner in (("4711", "post"), ("2468", "milk"), ("1111", "")):
        assert dial(door, digits) == [CodeVerdict.OPEN]
        assert door.owner == owner
        door.start()
    assert dial(door, "9999") == [CodeVerdict.WRONG]
    assert door.owner == ""


def test_a_shorter_code_ends_with_a_hash_key() -> None:
    door = door_with(post=named("4711"), staff=named("271828"))
    assert dial(door, "4711") == []
    assert dial(door, "#") == [CodeVerdict.OPEN]
    assert dial(door, "271828") == [CodeVerdict.OPEN]
    assert door.owner == "staff"


def test_a_code_is_wrong_outside_its_hours_and_such_tries_lock_too() -> None:
    door = door_with(tries=2, post=named("4711", days=("mon",), begins="08:00", ends="12:00"))
    assert dial(door, "4711") == [CodeVerdict.OPEN]
    door.start()
    assert dial(door, "4711", MONDAY_9.replace(hour=12)) == [CodeVerdict.WRONG]
    door.start()
    assert dial(door, "4711", MONDAY_9.replace(day=3)) == [CodeVerdict.WRONG]
    door.start()
    assert dial(door, "4711") == [CodeVerdict.LOCKED]


def test_a_code_for_once_is_used_up_and_stays_so_with_what_is_remembered() -> None:
    def door() -> DoorCode:
        return door_with(guest=named("4711", once=True), post=named("2468"))

    first, second = door(), door()
    assert dial(first, "4711") == [CodeVerdict.OPEN]
    first.start()
    assert dial(first, "4711") == [CodeVerdict.WRONG]
    second.book.remember(first.book.used)
    assert dial(second, "4711") == [CodeVerdict.WRONG]
    anew = door_with(guest=CodeSettings(str(hash_code("4711", bytes(SALT_BYTES), LEAST_COST)), once=True))
    anew.book.remember(first.book.used)
    assert dial(anew, "4711") == [CodeVerdict.OPEN]  # the same digits, given out again
    assert len(anew.book.used) == 1  # of those that are there


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.text("0123456789", min_size=3, max_size=6), min_size=1), st.data())
def test_nothing_but_a_code_opens_and_its_owner_is_told(codes: dict[str, str], data: st.DataObject) -> None:
    book = CodeBook("", {name: named(digits) for name, digits in codes.items()})
    entry = data.draw(st.sampled_from(sorted(codes.values())) | st.text("0123456789", max_size=6))
    owner = book.owner(entry, MONDAY_9)
    assert (owner is not None) == (entry in codes.values())
    assert owner is None or codes[owner] == entry


def test_a_hash_is_read_as_it_was_written_and_holds_no_digit_in_clear() -> None:
    hashed = hash_code("27182818")
    assert HashedCode.parse(str(hashed)) == hashed
    assert "27182818" not in str(hashed)
    assert hash_code("27182818") != hashed  # another salt
    with pytest.raises(SettingError, match="3 to 16 digits"):
        hash_code("12")
    with pytest.raises(SettingError, match="digits 0 to 9"):
        hash_code("١٢٣٤")
