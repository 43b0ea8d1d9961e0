"""Topics, messages, what Home Assistant is told, and what waits to be sent: without a broker."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.house.happenings import (
    HAPPENINGS,
    Circumstances,
    Happening,
    call_ended,
    door_closed,
    door_opened,
    happenings,
    quiet_changed,
)
from agent.house.mqtt import payloads
from agent.house.mqtt.commands import CommandRefusedError, read_command
from agent.house.mqtt.discovery import HouseDevice, discovery
from agent.house.mqtt.leftovers import Leftovers
from agent.house.mqtt.outbox import LIFE_S, MOST_EVENTS, MOST_IN_FLIGHT, MOST_LEFT_OVER, Outbox
from agent.house.mqtt.topics import Topics, level
from tests.house.stage import BUTTONS, PlayedBox

TOPICS = Topics.of("house/doors", "gate")


def entities(*, may_open_door: bool) -> dict[str, str]:
    box = HouseDevice("gate", "1.2.3", ["door"], BUTTONS, ["door"] if may_open_door else [])
    return discovery("homeassistant", TOPICS, box)


# --- topics ---


@given(st.text())
def test_any_name_is_one_level_of_a_topic(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]*", level(name))


def test_names_that_look_alike_stay_apart() -> None:
    assert len({level(name) for name in ("a b", "a_b", "a/b", "a+b", "a#b")}) == 5


# --- Home Assistant ---


def test_home_assistant_is_told_of_a_bell_that_says_who_rings() -> None:
    bell = json.loads(entities(may_open_door=False)["homeassistant/event/gate/bell/config"])

    assert (bell["device_class"], bell["event_types"]) == ("doorbell", ["ring"])
    assert bell["state_topic"] == "house/doors/gate/bell"
    assert bell["availability_topic"] == "house/doors/gate/availability"
    ring = json.loads(payloads.event(Happening("ring", {"button": "bell", "to": "porter"})))
    assert ring["event_type"] in bell["event_types"]


def test_a_door_is_a_lock_only_where_it_may_be_opened() -> None:
    allowed, not_allowed = entities(may_open_door=True), entities(may_open_door=False)
    lock, seen = "homeassistant/lock/gate/door_door/config", "homeassistant/binary_sensor/gate/door_door/config"

    assert json.loads(allowed[lock])["command_topic"] == "house/doors/gate/do/door/door"
    assert (allowed[seen], not_allowed[lock]) == ("", "")
    assert "command_topic" not in json.loads(not_allowed[seen])


def test_a_button_behind_which_is_a_door_is_offered_only_where_that_is_allowed() -> None:
    key = "homeassistant/button/gate/press_exit/config"

    assert json.loads(entities(may_open_door=True)[key])["payload_press"] == "exit"
    assert entities(may_open_door=False)[key] == ""


def test_each_entity_has_an_identifier_of_its_own_and_speaks_of_the_same_device() -> None:
    all_of_them = [json.loads(text) for text in entities(may_open_door=True).values() if text]

    assert len({one["unique_id"] for one in all_of_them}) == len(all_of_them)
    assert {json.dumps(one["device"]["identifiers"]) for one in all_of_them} == {'["kiosk-agent-gate"]'}


def test_what_the_templates_read_stands_in_the_state() -> None:
    known = json.loads(payloads.state(PlayedBox().facts))
    read = {key for text in entities(may_open_door=True).values() for key in re.findall(r"value_json\.(\w+)", text)}

    assert read <= known.keys()


def test_the_state_says_nothing_that_changes_by_itself() -> None:
    box = PlayedBox()
    before = payloads.state(box.facts)
    box.become(up_s=1000)

    assert payloads.state(box.facts) == before


# --- commands ---


@given(st.text(alphabet="abdo/+#.\0é", max_size=12), st.binary(max_size=300), st.booleans())
def test_whatever_somebody_sends_is_a_command_or_is_refused(below: str, payload: bytes, retained: bool) -> None:
    try:
        asked = read_command(TOPICS, ["door"], TOPICS.command(below), payload, retained=retained)
    except CommandRefusedError:
        return
    assert not retained
    assert asked.name in ("press", "call", "hang_up", "volume", "do_not_disturb", "door")


def test_what_is_retained_is_refused_whatever_it_says() -> None:
    with pytest.raises(CommandRefusedError, match="without retain"):
        read_command(TOPICS, ["door"], TOPICS.command("door/door"), b"UNLOCK", retained=True)


def test_a_button_is_offered_only_if_every_door_may_be_opened() -> None:
    box = HouseDevice("gate", "1.2.3", ["door", "vault"], BUTTONS, ["door"])
    told = discovery("homeassistant", TOPICS, box)

    assert told["homeassistant/button/gate/press_exit/config"] == ""
    assert told["homeassistant/lock/gate/door_vault/config"] == ""
    assert told["homeassistant/lock/gate/door_door/config"]


@pytest.mark.parametrize(("name", "label"), [("door", "Door"), ("side_gate", "Side gate"), ("Tor Süd", "Tor Süd")])
def test_a_door_is_called_what_its_owner_calls_it(name: str, label: str) -> None:
    told = discovery("", TOPICS, HouseDevice("gate", "1.2.3", [name], (), [name]))

    assert [json.loads(text)["name"] for topic, text in told.items() if topic.startswith("/lock/")] == [label]


def test_a_door_is_not_opened_by_the_word_that_locks_it() -> None:
    with pytest.raises(CommandRefusedError, match="locks by itself"):
        read_command(TOPICS, ["door"], TOPICS.command("door/door"), b"LOCK", retained=False)


# --- what waits ---


def test_of_a_state_only_the_newest_is_sent_and_only_if_it_is_new() -> None:
    box = Outbox()
    assert box.put_state("t", "1") and box.put_state("t", "2") and not box.put_state("t", "2")

    message = box.take(0.0)

    assert message is not None and message.payload == "2" and message.retained
    assert box.take(0.0) is None


def test_the_oldest_happening_is_dropped_where_too_many_wait_and_all_that_are_stale() -> None:
    box = Outbox()
    for number in range(MOST_EVENTS + 3):
        box.put_event("t", str(number), 0.0)

    first = box.take(1.0)

    assert first is not None and first.payload == "3" and box.dropped == 3
    assert box.take(LIFE_S + 1) is None
    assert box.dropped == 3 + MOST_EVENTS - 1


def test_no_more_is_on_its_way_than_the_broker_has_confirmed_room_for() -> None:
    box = Outbox()
    for number in range(MOST_IN_FLIGHT + 1):
        box.put_event("t", str(number), 0.0)
    for number in range(MOST_IN_FLIGHT):
        box.sent(number, box.take(0.0))  # type: ignore[arg-type]

    assert box.take(0.0) is None
    box.confirmed(3)
    assert box.take(0.0) is not None


def test_what_was_not_confirmed_is_sent_again_in_its_order_after_the_states() -> None:
    box = Outbox()
    box.put_state("state", "s")
    for number in range(3):
        box.put_event("t", str(number), 0.0)
    for number in range(3):
        box.sent(number, box.take(0.0))  # type: ignore[arg-type]
    box.confirmed(0)

    box.connected()

    assert [message.payload for _ in range(4) if (message := box.take(0.0))] == ["s", "0", "1", "2"]


def test_what_is_left_over_is_taken_away_after_the_states_and_what_is_ours_never() -> None:
    box = Outbox()
    box.put_state("state", "s")
    for topic in ("old", "state", "again"):
        box.take_away(topic)
    box.put_state("again", "a")

    assert [tuple(message[:3]) for _ in range(4) if (message := box.take(0.0))] == [
        ("state", "s", True), ("again", "a", True), ("old", "", True)]  # fmt: skip
    for number in range(2 * MOST_LEFT_OVER):
        box.take_away(str(number))
    assert len([1 for _ in range(2 * MOST_LEFT_OVER) if box.take(0.0)]) == MOST_LEFT_OVER


LEFTOVERS = Leftovers(TOPICS, "homeassistant")
DEVICE = HouseDevice("gate", "1.2.3", ["door", "vault"], BUTTONS, ["door"])


def test_whatever_a_box_may_have_offered_is_known_as_its_own() -> None:
    for topic, payload in discovery("homeassistant", TOPICS, DEVICE).items():
        assert not payload or LEFTOVERS.is_ours(topic, payload.encode())
    for is_open in (False, True):
        assert LEFTOVERS.is_ours(TOPICS.door("vault"), payloads.door(is_open).encode())


def test_what_another_box_or_somebody_else_keeps_is_not() -> None:
    other = discovery("homeassistant", Topics.of("house/doors", "gate-2"), DEVICE)
    assert not any(LEFTOVERS.is_ours(topic, payload.encode()) for topic, payload in other.items())


@given(st.binary(max_size=60) | st.sampled_from([b"[" * 9000, b'{"origin": {"name": "kiosk-agent"}}', b"[1]"]))
def test_nobodys_bytes_are_taken_for_ours(payload: bytes) -> None:
    assert not LEFTOVERS.is_ours("homeassistant/button/gate/x/config", payload)


# --- what happens ---


def test_a_press_that_calls_is_a_ring_and_a_call_without_a_press_is_none() -> None:
    pressed = happenings("dialling", "porter", Circumstances(button="bell"))

    assert pressed == [("ring", {"button": "bell", "to": "porter"}), ("call", {"to": "porter"})]
    assert happenings("dialling", "porter", Circumstances()) == [("call", {"to": "porter"})]


@given(st.text(), st.text())
def test_what_strangers_write_is_bounded_and_has_nothing_that_moves_a_cursor(caller: str, peer: str) -> None:
    told = [*happenings("incoming", caller, Circumstances()),
            *happenings("accept", "CA1", Circumstances("", "incoming", peer))]  # fmt: skip

    assert all(len(text) <= 250 and text.isprintable() for one in told for text in one.details.values())


def test_every_happening_carries_what_the_list_says() -> None:
    record = {"direction": "incoming", "peer": "p", "outcome": "missed", "duration_s": 0.0,
              "answered_by": ""}  # fmt: skip
    moments = ("dialling", "incoming", "accept", "door code", "ready", "offline", "trouble", "trouble over")
    told = [one for moment in moments for one in happenings(moment, "x", Circumstances(button="b"))]
    told += [call_ended(record), quiet_changed(True), door_opened("d", "button"), door_closed("d")]

    assert {one.name: tuple(one.details) for one in told} == dict(HAPPENINGS)
