"""The box at the broker: publishes what it is and what happens, and does what it is asked for and may do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

import gevent

from agent.closing import Closing
from agent.errors import AgentError
from agent.house.box import HouseBox
from agent.house.happenings import Happening
from agent.house.mqtt import payloads
from agent.house.mqtt.commands import SUBSCRIPTION, CommandRefusedError, HouseCommand, opens_door, read_command
from agent.house.mqtt.discovery import HouseDevice, discovery
from agent.house.mqtt.leftovers import Leftovers
from agent.house.mqtt.link import BrokerLink, LinkState
from agent.house.mqtt.settings import MqttSettings
from agent.house.mqtt.topics import ONLINE, Topics
from agent.log import FailureLog, SeldomLog, excerpt
from hw.errors import HardwareError

log = logging.getLogger(__name__)

GAP_S = 0.1  # changes that come faster are told as one
PRESS_S = 0.1
ALLOW = "[mqtt] may_open_door and the door's opened_by say who may"
PATIENCE = 5  # so many failures, about a minute, before a broker that is not there is a trouble
SETTLED_S = 10.0  # a connection that holds for so long ends the trouble of those before it


class MqttPart(Closing):
    """An organ for the supervisor; `trouble(why)` is told what needs somebody, and "" when nothing does any more."""

    def __init__(self, settings: MqttSettings, identity: str, box: HouseBox, post: Callable[..., None],
                 trouble: Callable[[str], None]) -> None:  # fmt: skip
        self._settings = settings
        self._identity = identity
        self._box = box
        self._trouble = trouble
        self._topics = Topics.of(settings.topic_prefix, identity)
        self._failures = FailureLog(log, f"the connection to the broker {settings.host}")
        self._strangers = SeldomLog(log)
        self._planned = False
        self._device: HouseDevice | None = None  # that Home Assistant was told of
        self._offered: dict[str, str] = {}
        self._settling: gevent.Greenlet[..., None] | None = None
        self._dropped = 0
        self.connected = self._was_connected = False
        self.link = BrokerLink(settings, f"kiosk-agent-{self._topics.box}", self._topics.availability,
                               self._topics.command(SUBSCRIPTION), Leftovers(self._topics, settings.discovery_prefix),
                               post, self._heard, self._stands)  # fmt: skip
        self._doers: dict[str, Callable[[HouseCommand], None]] = {
            "press": lambda asked: self._press(asked.argument),
            "call": lambda asked: box.call(asked.argument),
            "hang_up": lambda _asked: box.hang_up(),
            "volume": lambda asked: box.set_volume(asked.number),
            "do_not_disturb": lambda asked: box.set_do_not_disturb(bool(asked.number)),
            "door": lambda asked: self._open_door(asked.argument),
        }

    def start(self) -> None:
        """Tell the box's news to the broker from now on; returns at once, whether there is a broker or not."""
        self._box.listen(self._happened, self._changed)
        self._put_states()
        self.link.start()

    def overdue_s(self) -> float:
        """Return the seconds since the connection's thread should have done its next step."""
        return self.link.overdue_s()

    def restart(self) -> None:
        """Put another thread into the place of one that stands still."""
        self.link.restart()

    def close(self) -> None:
        """Leave the broker, which then tells that the box is offline; idempotent."""
        if self._settling is not None:
            self._settling.kill(block=False)
        self.link.close()

    # --- what is told ---

    def _happened(self, happening: Happening) -> None:
        text, now = payloads.event(happening), monotonic()
        with self.link.lock:
            self.link.outbox.put_event(self._topics.event, text, now)
            if happening.name == "ring":
                self.link.outbox.put_event(self._topics.bell, text, now)
        if self.connected:
            self.link.wake()

    def _changed(self) -> None:
        if not self._planned:
            self._planned = True
            gevent.spawn_later(GAP_S, self._tell_changes)

    def _tell_changes(self) -> None:
        self._planned = False
        if self._put_states() and self.connected:
            self.link.wake()

    def _put_states(self) -> bool:
        status = self._box.status()
        states = {self._topics.availability: ONLINE, self._topics.state: payloads.state(status)}
        doors = self._box.doors()
        states |= {self._topics.door(name): payloads.door(is_open) for name, is_open in doors.items()}
        device = HouseDevice(self._identity, status["version"], list(doors), status["buttons"], self._openable())
        if self._settings.discovery_prefix and device != self._device:
            self._device = device
            offered = discovery(self._settings.discovery_prefix, self._topics, device)
            states = dict.fromkeys(self._offered, "") | offered | states  # what there is no longer is taken away
            self._offered = offered
        with self.link.lock:
            return any([self.link.outbox.put_state(topic, payload) for topic, payload in states.items()])

    # --- what is heard ---

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            asked = read_command(self._topics, list(self._box.doors()), topic, payload, retained=retained)
            log.info("asked for over MQTT: %s %s", asked.name, excerpt(asked.argument or asked.number))
            self._doers[asked.name](asked)
        except (AgentError, HardwareError) as error:
            self._strangers.warning("what was asked for over MQTT was not done: %s", error)

    def _press(self, name: str) -> None:
        button = next((one for one in self._box.status()["buttons"] if one["name"] == name), None)
        if button is not None and opens_door(button["actions"]) and not set(self._box.doors()) <= set(self._openable()):
            raise CommandRefusedError(f"behind button {name!r} is a door that MQTT may not open; {ALLOW}")
        self._box.press(name, PRESS_S)

    def _open_door(self, name: str) -> None:
        if name not in self._openable():
            raise CommandRefusedError(f"MQTT may not open door {name!r}; {ALLOW}")
        self._box.open_door(name, "mqtt")

    def _openable(self) -> list[str]:
        return list(self._box.openable()) if self._settings.may_open_door else []

    # --- how the connection stands ---

    def _stands(self, state: LinkState) -> None:
        self.connected = state.up
        if self._settling is not None:
            self._settling.kill(block=False)
        self._settling = gevent.spawn_later(SETTLED_S, self._settled) if state.up else None
        if state.up:
            log.log(logging.DEBUG if self._was_connected else logging.INFO, "the broker %s has this box as %s",
                    self._settings.host, self._topics.root)  # fmt: skip
            self._was_connected = True
            self.link.wake()
        else:
            self._failures.failed(state.why)
            if state.refused or self._failures.count >= PATIENCE:
                self._trouble(f"the broker {self._settings.host} cannot be used: {state.why}")
        self._tell_dropped()

    def _settled(self) -> None:
        self._failures.recovered()
        self._trouble("")

    def _tell_dropped(self) -> None:
        if (dropped := self.link.outbox.dropped) > self._dropped:
            log.warning("the broker did not hear of %d events, for want of a connection", dropped - self._dropped)
            self._dropped = dropped
