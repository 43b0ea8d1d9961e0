"""Whom a bell calls at a PBX: together and in turn, as the switchboard does it, over real sockets and media."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config.directory import DirectoryEntry
from tests.kiosk.pbx_stage import Pbx, SipPhone
from tests.kiosk.stage import BOX_HZ, Box, button

HOUSE = ("desk", "lobby", "attic")
ENTRIES = {"house": DirectoryEntry(HOUSE, ring="all", ring_s=60, fallback="caretaker", label="House"),
           "caretaker": DirectoryEntry(("desk",), ring_s=60)}  # fmt: skip
BUTTONS = {"bell": button(2, short="bell:house?floor=2"), "redial": button(3, short="redial")}


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    pbx = Pbx(tmp_path)
    yield pbx
    pbx.close()


def box_at(pbx: Pbx) -> Box:
    return pbx.box(replace(pbx.config(), directory=ENTRIES, buttons=BUTTONS))


def ringing(phones: list[SipPhone], times: int = 1) -> None:
    for phone in phones:
        phone.until_told("incoming", times)


def test_all_ring_one_refuses_and_the_first_to_answer_has_the_call(pbx: Pbx) -> None:
    phones = [pbx.phone(user) for user in HOUSE]
    desk, lobby, attic = phones
    box = box_at(pbx)
    box.press("bell")
    ringing(phones)
    desk.calls[0].reject()  # with 603, which speaks for this phone alone
    desk.until(lambda: desk.calls[0].status() == "closed", "over for who has refused")
    lobby.calls[0].accept()
    attic.until_told("cancel")
    box.until_shows("in_call")
    lobby.until_hears(BOX_HZ)

    assert attic.calls[0].answered_elsewhere
    assert attic.calls[0].custom_parameters["floor"] == "2"
    told = [told for told in box.story if told.split()[0] in ("bell", "dialling", "ringing", "accept", "call")]
    assert [words.split(" TJS")[0] for words in told] == ["bell House", "dialling desk,lobby,attic", "ringing",
                                                          "accept"]  # fmt: skip
    assert (box.status["call"]["peer"], box.status["call"]["answered_by"]) == ("desk,lobby,attic", "lobby")
    lobby.calls[0].disconnect()
    box.until_calm()
    assert [(call["peer"], call["outcome"]) for call in box.status["recent_calls"]] == [
        ("desk,lobby,attic", "answered")
    ]
    box.press("redial")  # an entry is called again as a whole
    ringing(phones, 2)


def test_when_all_have_refused_the_next_step_is_called_and_hanging_up_ends_them_all(pbx: Pbx) -> None:
    phones = [pbx.phone(user) for user in HOUSE]
    box = box_at(pbx)
    box.press("bell")
    ringing(phones)
    for phone in phones:
        phone.calls[0].reject()
    ringing(phones[:1], 2)
    assert [call["outcome"] for call in box.status["recent_calls"]] == ["rejected"]
    box.press("bell")  # hangs up
    phones[0].until_told("cancel")
    box.until_calm()
    box.press("bell")
    ringing(phones[1:], 2)
    ringing(phones[:1], 3)
    box.press("bell")
    for phone in phones[1:]:
        phone.until_told("cancel")
    phones[0].until_told("cancel", 2)
    box.until_calm()
    assert not phones[0].calls[-1].answered_elsewhere
