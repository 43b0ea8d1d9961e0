"""A whole box in its surroundings, broken in one way after the other: what it shows meanwhile, and a call afterwards.

Other rows of the matrix stand where their part is tested: a kill, floods of every kind and a sound server that hangs at
the end in tests/kiosk/test_process.py; parts that stand still or end, tokens, cards, and a switchboard that is gone in
tests/kiosk/test_troubles.py; a sound server that hangs, and is back, in tests/hw/sound/test_card.py; a switchboard that
is killed in a call in tests/switchboard/test_crash.py; addresses that change in a call in tests/media/test_networks.py;
clocks that lie in tests/signaling/token. `python -m bench.soak` breaks more, at random.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.rig import netns, virtual_cards
from bench.rig.troubles import TROUBLES
from bench.rig.whole_box import WholeBox

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not netns.available(), reason="needs root and network namespaces"),
    pytest.mark.skipif(not virtual_cards.available(), reason="needs pulseaudio and pulseaudio-utils"),
]

PATIENCE_S = 60.0
Status = dict[str, Any]


class Shortest(random.Random):
    """Lets every trouble last as short as it can: whoever breaks the box waits for what it shows."""

    def random(self) -> float:
        return 0.0

    def uniform(self, a: float, b: float) -> float:
        return a


def anything(status: Status) -> bool:
    return True


def nothing(status: Status) -> bool:
    return not status


def is_ready(status: Status) -> bool:
    return "ready" in status.get("states", ())


def is_offline(why: str = "") -> Callable[[Status], bool]:
    """Without a connection, for this reason."""

    def holds(status: Status) -> bool:
        return "offline" in status.get("states", ()) and why in status["service"]["reason"]

    return holds


def has_trouble(part: str) -> Callable[[Status], bool]:
    """With the light of an error, for this part."""

    def holds(status: Status) -> bool:
        return "error" in status.get("states", ()) and part in status["troubles"]

    return holds


def has_no_sound(status: Status) -> bool:
    return "no_sound" in status.get("states", ())


@dataclass(frozen=True)
class Row:
    """One fault, what the box shows while it lasts, and whether its process may end of it."""

    kind: str
    shows: Callable[[Status], bool] = anything
    may_end: bool = False


MATRIX = (
    Row("box: segmentation fault", nothing, may_end=True),
    Row("box: stopped", nothing),
    Row("box: no memory", may_end=True),
    Row("box: no file descriptors"),
    Row("sound server: killed", has_no_sound),
    Row("switchboard: stopped", is_offline()),
    Row("switchboard: another authority", is_offline("certificate")),
    Row("token: expired", has_trouble("token"), may_end=True),
    Row("names: silent", is_offline("name"), may_end=True),
    Row("names: refused", is_offline("name"), may_end=True),
    Row("disk: full", is_ready, may_end=True),
    Row("disk: read-only", is_ready, may_end=True),
)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeBox]:
    with WholeBox(Path(tmp_path_factory.mktemp("box"))) as box:
        yield box


def log_of(box: WholeBox) -> str:
    return f"{box.status()}\n{box.service.log.read_text()[-5000:]}"


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.kind)
def test_a_box_shows_what_is_wrong_and_is_ready_for_a_call_once_it_is_not(box: WholeBox, row: Row) -> None:
    assert box.until(lambda: box.is_ready, PATIENCE_S) is not None, log_of(box)
    lives = len(box.service.statuses)

    with TROUBLES[row.kind](box, Shortest()):
        shown = box.until(lambda: row.shows(box.status()), PATIENCE_S)
        told = log_of(box)
    assert shown is not None, told

    assert box.until(lambda: box.is_ready, PATIENCE_S) is not None, log_of(box)
    assert box.hang_up(PATIENCE_S)
    assert box.call(PATIENCE_S) is not None, log_of(box)
    assert box.hang_up(PATIENCE_S)
    assert row.may_end or len(box.service.statuses) == lives, log_of(box)
    assert not box.service.barks, log_of(box)


def test_a_link_that_flaps_thirty_times_in_a_call_leaves_the_call(box: WholeBox) -> None:
    assert box.until(lambda: box.is_ready, PATIENCE_S) is not None, log_of(box)
    assert box.call(PATIENCE_S) is not None, log_of(box)

    for _ in range(30):
        box.network.unplug("wlan")
        box.network.plug("wlan")

    assert box.room.until_heard(PATIENCE_S), log_of(box)
    assert box.status()["call"]["status"] in ("open", "reconnecting")
    assert box.hang_up(PATIENCE_S)
