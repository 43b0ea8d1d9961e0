"""What an earlier life of this box left retained at the broker, and is true no more. Pure.

A button or a door that was taken out of the settings is unknown to the program that starts with them; only the broker
remembers it. So the box reads its own retained messages at each connection, and takes away what nobody publishes now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.house.mqtt.discovery import ORIGIN, entity_id
from agent.house.mqtt.payloads import DOOR_STATES
from agent.house.mqtt.topics import Topics


class Leftovers:
    """Where they may be, and whether a message there is one of this box."""

    def __init__(self, topics: Topics, discovery_prefix: str) -> None:
        self._topics = topics
        self._doors = topics.doors
        self.filters = [f"{topics.doors}+"]  #: to subscribe to
        if discovery_prefix:
            self.filters.append(f"{discovery_prefix}/+/{topics.box}/+/config")

    def is_ours(self, topic: str, payload: bytes) -> bool:
        """Tell whether a box of this name wrote that; what others keep there is theirs."""
        if topic.startswith(self._doors):
            return payload.decode(errors="replace") in DOOR_STATES
        try:
            entity: Any = json.loads(payload)
        except (ValueError, RecursionError):
            return False
        if topic.count("/") < 1 or not isinstance(entity, Mapping) or not isinstance(entity.get("origin"), Mapping):
            return False
        thing = topic.split("/")[-2]
        return entity["origin"].get("name") == ORIGIN and entity.get("unique_id") == entity_id(self._topics, thing)
