"""The stage of the demonstration: a switchboard, the box with a virtual panel, and somebody who calls it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.closing import Closing
from agent.config import Config, DoorSection
from agent.demo.timeline import DemoTimeline
from agent.kiosk.box_sound import BoxSound
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.registration import device_options
from agent.media.bridge import Bridge
from agent.page.settings import PageSettings
from agent.signaling.token.token_source import TokenSettings
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from agent.voice.device import Device
from hw.panel.settings import ButtonSettings, LightSettings
from hw.sound.interface import Sound

log = logging.getLogger(__name__)

BOX, CALLER = "box", "visitor"
DOOR_CODE = "1234"
NO_PAGE = PageSettings(enabled=False)

BUTTONS = {
    "accept": ButtonSettings(pin=17, label="Accept", short="accept"),
    "reject": ButtonSettings(pin=27, label="Reject", short="reject"),
    "ignore": ButtonSettings(pin=5, label="Ignore", short="ignore"),
    "mute": ButtonSettings(pin=22, label="Mute", short="mute"),
    "hangup": ButtonSettings(pin=6, label="Hang up", short="hang_up"),
    "call": ButtonSettings(pin=23, label="Call echo", short="call:echo"),
}
LIGHTS = {
    "status": LightSettings(
        pin=24, label="Status", booting="pulse 1000", offline="flash 2 2000", ready="steady", no_sound="flash 3 2000",
        error="flash 4 2000",
    ),
    "call": LightSettings(
        pin=25, label="Call", ringing="blink 250/250", dialling="pulse 1000", in_call="steady",
        reconnecting="blink 100/100",
    ),
    "mute": LightSettings(pin=12, label="Microphone off", muted="steady"),
}  # fmt: skip


class Scene(Closing):
    """Everything in one process, talking over real sockets; `close` ends all of it."""

    def __init__(self, listen: tuple[str, int], state_dir: Path, box_sound: BoxSound | None,
                 control_socket: str = "", page: PageSettings = NO_PAGE) -> None:  # fmt: skip
        """Start the switchboard and prepare the box; nothing rings yet."""
        self._bridge = Bridge()  # the switchboard's own: it is another program in earnest
        settings = SwitchboardSettings(
            listen_host=listen[0], listen_port=listen[1], state_dir=str(state_dir), demo_tokens=True, demo_target=BOX
        )
        self.switchboard: RunningSwitchboard = start_switchboard(self._bridge, settings)
        self.config = replace(self._box_config(state_dir, control_socket), page=page)
        self.kiosk = Kiosk(self.config, box_sound)
        self._callers: list[Device] = []

    def caller(self, sound: Sound, listen: Callable[[Device], Any]) -> Device:
        """Make another phone, registered as CALLER; `listen` attaches listeners before it connects."""
        device = Device()
        self._callers.append(device)
        listen(device)
        device.setup(self.switchboard.mint(CALLER), **device_options(self.config, sound))
        return device

    def draw_lights(self, timeline: DemoTimeline) -> Callable[[], None]:
        """Have the timeline show what the box's lights do; the returned function ends that."""
        return self.kiosk.box.subscribe(lambda: timeline.draw(self.kiosk.panel.lights.describe()))

    def cut(self, identity: str) -> None:
        """Cut the media path between the switchboard and `identity` without telling anybody."""
        self.switchboard.sever(identity)

    def close(self) -> None:
        """Hang up and end everything."""
        for device in self._callers:
            device.destroy()
        self.kiosk.stop()
        self.switchboard.close()
        self._bridge.close()

    def _box_config(self, state_dir: Path, control_socket: str) -> Config:
        config = Config()
        return replace(
            config,
            box=replace(config.box, identity=BOX, pins="mock"),
            signaling=replace(
                config.signaling,
                server=self.switchboard.address.server,
                ca_file=str(self.switchboard.address.ca_file),
                insights="off",
            ),
            token=TokenSettings(key_file=str(state_dir / "api_key.json")),
            buttons=BUTTONS,
            lights=LIGHTS,
            door=DoorSection(pin=26, code=DOOR_CODE),
            service=replace(config.service, control_socket=control_socket, state_dir=str(state_dir)),
        )
