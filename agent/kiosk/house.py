"""What the house hears of the box, as far as the settings ask for it: nothing else is loaded, and nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.closing import Closing
from agent.config import Config
from agent.kiosk.house_box import Inside, KioskHouseBox
from agent.supervision.restart import RestartLimits
from agent.supervision.supervisor import Supervisor
from hw.panel.buttons import Post

if TYPE_CHECKING:
    from agent.house.hooks.hooks import Hooks
    from agent.house.metrics.part import MetricsPart
    from agent.house.mqtt.part import MqttPart

HOOK_STALL_S = 1.0  # beyond the time that a hook has, which is in its measure already


class House(Closing):
    """MQTT, hooks and figures of one box; each may be absent."""

    mqtt: MqttPart | None = None
    hooks: Hooks | None = None
    metrics: MetricsPart | None = None

    def join(self, supervisor: Supervisor, stall_s: float, limits: RestartLimits) -> None:
        """Hand what there is to the supervisor, and begin."""
        if self.mqtt is not None:
            self.mqtt.start()
            supervisor.organ("mqtt", self.mqtt.overdue_s, stall_s, self.mqtt.restart, limits=limits)
        if self.hooks is not None:
            supervisor.organ("hooks", self.hooks.overdue_s, HOOK_STALL_S, self.hooks.restart, limits=limits)
        if self.metrics is not None:
            supervisor.child("metrics", self.metrics.run, limits=limits)

    def close(self) -> None:
        """Leave the broker, and end what hooks run; idempotent."""
        for part in (self.mqtt, self.hooks):
            if part is not None:
                part.close()


def open_house(config: Config, inside: Inside, post: Post, trouble: Callable[[str, str], None]) -> House:
    """Make what the settings ask for; `trouble(part, why)` is told what needs somebody, and "" when it is over."""
    house = House()
    if not (config.mqtt.is_used or config.hooks or config.metrics.is_used):
        return house
    box = KioskHouseBox(inside)
    if config.hooks:
        from agent.house.hooks.hooks import Hooks

        house.hooks = Hooks(config.hooks, config.box.identity)
        box.listen(house.hooks.put, lambda: None)
    if config.mqtt.is_used:
        from agent.house.mqtt.part import MqttPart

        house.mqtt = MqttPart(config.mqtt, config.box.identity, box, post, lambda why: trouble("mqtt", why))
    if config.metrics.is_used:
        from agent.house.metrics.part import MetricsPart

        house.metrics = metrics = MetricsPart(config.metrics, box, lambda why: trouble("metrics", why))
        inside.lines.on("recovery", lambda error: metrics.counts.recovery(getattr(error, "code", None)))
        inside.lines.on("sample", lambda: metrics.counts.second(box.status()["call"]))
    return house
