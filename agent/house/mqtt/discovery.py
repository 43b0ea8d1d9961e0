"""What Home Assistant is told so that it shows a box by itself. Pure.

A retained message at `PREFIX/COMPONENT/BOX/OBJECT/config` makes an entity, an empty one takes it away (Home Assistant,
MQTT, "MQTT discovery"). An entity here is one row: its component, its object, its name, and what it has of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agent.house.mqtt.commands import OFF, ON, OPEN, UNLOCK, opens_door
from agent.house.mqtt.payloads import LOCKED, UNLOCKED
from agent.house.mqtt.topics import OFFLINE, ONLINE, Topics, level

ORIGIN = "kiosk-agent"  # what wrote an entity
CALL_STATES = ("idle", "ringing", "dialling", "in_call", "reconnecting")

_Entity = tuple[str, str, str, dict[str, Any]]  # component, object, name, and what it has of its own


class HouseDevice(NamedTuple):
    """What a box has that differs from box to box."""

    identity: str
    version: str
    doors: Sequence[str]
    buttons: Sequence[Mapping[str, Any]]  # name, label, actions
    openable: Sequence[str]  # of the doors

    @property
    def may_open_all(self) -> bool:
        """Whether a button that opens doors opens none that may not be."""
        return set(self.doors) <= set(self.openable)


def discovery(prefix: str, topics: Topics, box: HouseDevice) -> dict[str, str]:
    """Make every message: topic to payload, which is empty where an entity is not wanted any more."""
    about = {
        "availability_topic": topics.availability,
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "device": {"identifiers": [f"kiosk-agent-{topics.box}"], "name": box.identity, "manufacturer": "Kiosk agent",
                   "model": "Intercom", "sw_version": box.version},
        "origin": {"name": ORIGIN, "sw_version": box.version},
    }  # fmt: skip
    messages = {}
    for component, thing, name, own in _entities(topics, box):
        entity = {"name": name, "unique_id": entity_id(topics, thing), **about, **own} if own else None
        messages[f"{prefix}/{component}/{topics.box}/{thing}/config"] = json.dumps(entity) if entity else ""
    return messages


def entity_id(topics: Topics, thing: str) -> str:
    """Name a thing of this box as no other thing is named."""
    return f"kiosk-agent-{topics.box}-{thing}"


def _entities(topics: Topics, box: HouseDevice) -> Iterator[_Entity]:
    yield "event", "bell", "Bell", {"state_topic": topics.bell, "event_types": ["ring"], "device_class": "doorbell"}
    yield "sensor", "line", "Call", _of_state(topics, "line", device_class="enum", options=list(CALL_STATES))
    yield "sensor", "peer", "Caller", _of_state(topics, "peer")
    yield "sensor", "answered_by", "Answered by", _of_state(topics, "answered_by")
    yield "sensor", "trouble", "Trouble", _of_state(topics, "trouble", entity_category="diagnostic")
    yield "sensor", "mos", "Voice quality", _of_state(topics, "mos", entity_category="diagnostic")
    yield "binary_sensor", "service", "Connection", _truth(
        topics, "value_json.service == 'ready'", "connectivity", "diagnostic")  # fmt: skip
    yield "binary_sensor", "sound", "Sound fault", _truth(topics, "not value_json.sound", "problem", "diagnostic")
    yield "number", "volume", "Volume", _of_state(topics, "volume_percent", command_topic=topics.command("volume"),
                                                  min=0, max=100, step=5, unit_of_measurement="%")  # fmt: skip
    yield "switch", "do_not_disturb", "Do not disturb", {
        **_truth(topics, "value_json.do_not_disturb"), "command_topic": topics.command("do_not_disturb")}  # fmt: skip
    yield "button", "hang_up", "Hang up", {"command_topic": topics.command("hang_up")}
    for name in box.doors:
        yield from _door(topics, box, name)
    for button in box.buttons:
        yield from _button(topics, box, button)


def _door(topics: Topics, box: HouseDevice, name: str) -> Iterator[_Entity]:
    """A lock where it may be opened, else only what is seen of it; the other one is taken away."""
    label = name[:1].upper() + name[1:].replace("_", " ").replace("-", " ")
    lock = {"state_topic": topics.door(name), "command_topic": topics.command(f"door/{level(name)}"),
            "payload_unlock": UNLOCK, "payload_open": OPEN, "optimistic": False}  # fmt: skip
    seen = {"state_topic": topics.door(name), "payload_on": UNLOCKED, "payload_off": LOCKED, "device_class": "lock"}
    yield "lock", f"door_{level(name)}", label, lock if name in box.openable else {}
    yield "binary_sensor", f"door_{level(name)}", label, {} if name in box.openable else seen


def _button(topics: Topics, box: HouseDevice, button: Mapping[str, Any]) -> Iterator[_Entity]:
    allowed = box.may_open_all or not opens_door(button["actions"])
    pressed = {"command_topic": topics.command("press"), "payload_press": button["name"]}
    yield "button", f"press_{level(button['name'])}", f"Press {button['label']}", pressed if allowed else {}


def _of_state(topics: Topics, key: str, **more: Any) -> dict[str, Any]:
    return {"state_topic": topics.state, "value_template": "{{ value_json." + key + " }}", **more}


def _truth(topics: Topics, expression: str, device_class: str = "", category: str = "") -> dict[str, Any]:
    own = {"state_topic": topics.state, "value_template": "{{ '" + ON + "' if " + expression + " else '" + OFF + "' }}",
           "payload_on": ON, "payload_off": OFF}  # fmt: skip
    return {**own, **({"device_class": device_class} if device_class else {}),
            **({"entity_category": category} if category else {})}  # fmt: skip
