"""The `[mqtt]` section: the broker of the house, and what may be asked over it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from hw.errors import SettingError
from hw.setting import setting

PLAIN_PORT, TLS_PORT = 1883, 8883
_TOPIC = re.compile(r"[^+#\x00-\x1f$/ ]([^+#\x00-\x1f]*[^+#\x00-\x1f/])?")


@dataclass(frozen=True)
class MqttSettings:
    """Which broker, as whom, under which topics."""

    host: str = setting("", "name or address of the broker; empty: none", kind="broker_host")
    port: int = setting(0, "its port; 0: 1883, or 8883 with tls", min=0, max=65535)
    tls: bool = setting(False, "speak TLS with it")
    ca_file: str = setting("", "PEM file of the authority that signed its certificate; empty: those of this system",
                           kind="pem")  # fmt: skip
    user: str = setting("", "who this box is there; empty: nobody", max_length=200)
    password: str = setting("", "the user's password", secret=True, max_length=1000)
    password_file: str = setting("", "a file that holds it; read again at each connection", kind="file")
    version: str = setting("5", "version of MQTT", choices=("5", "3.1.1"))
    topic_prefix: str = setting("kiosk-agent", "what the topics of all boxes begin with", max_length=100)
    discovery_prefix: str = setting("homeassistant", "where Home Assistant looks for devices; empty: nothing",
                                    max_length=100)  # fmt: skip
    keepalive_s: int = setting(60, "a broker that is silent for so long is asked whether it lives", min=10, max=600)
    may_open_door: bool = setting(False, "whoever may write to the broker may open the doors")

    def __post_init__(self) -> None:
        for key in ("topic_prefix", "discovery_prefix"):
            value = getattr(self, key)
            if (value or key == "topic_prefix") and not _TOPIC.fullmatch(value):
                raise SettingError(f"{key} = {value!r}: expected a topic without + and #, like \"house/doors\"")
        if self.ca_file and not self.tls:
            raise SettingError("ca_file is of no use without TLS: expected tls = true with it")
        if self.password and self.password_file:
            raise SettingError("expected password or password_file, not both")
        if (self.password or self.password_file) and not self.user:
            raise SettingError("a password belongs to somebody: expected user with it")
        if not self.host and any(getattr(self, one.name) != one.default for one in fields(self)):
            raise SettingError("no broker is named: expected host")

    @property
    def is_used(self) -> bool:
        """Whether there is a broker."""
        return bool(self.host)

    @property
    def port_used(self) -> int:
        """The port to connect to."""
        return self.port or (TLS_PORT if self.tls else PLAIN_PORT)
