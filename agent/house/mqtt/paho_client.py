"""The one place that knows paho: one connection to a broker, without paho's own thread.

paho's thread wakes each second, and reads packets of up to 256 MB into memory. So the thread of `BrokerLink` waits at
the socket itself, and a packet's announced length is looked at before it is read. The two private names that this
takes, `_sock_recv` and what it is called with, have a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.errors import LocalFault
from agent.house.mqtt.explanations import explain_file
from agent.house.mqtt.settings import MqttSettings
from agent.house.mqtt.topics import OFFLINE
from agent.net.tls import plain_client_context

MOST_PACKET_BYTES = 16 * 1024
CONNECT_S = 5.0  # for TCP
NO_RETAINED = 2  # MQTT 5, section 3.8.3.1: send no retained messages because of this subscription

_WHO = "it refuses {who}; change [mqtt] user or password, or what the broker allows"
_REFUSALS: Mapping[str, str] = {
    "Bad user name or password": _WHO,
    "Not authorized": _WHO,  # Mosquitto says so of a wrong password, too
    "Unsupported protocol version": 'it does not speak MQTT {version}; set [mqtt] version = "3.1.1"',
    "Client identifier not valid": "it does not take the name {client!r}",
    "Banned": "it has banned this box",
}


class PacketTooLongError(OSError):
    """The broker announced a packet that nothing honest needs."""


class BadFileError(LocalFault):
    """A file that the settings name cannot be used."""


class PahoClient(paho.Client):
    """A client that reads bounded packets."""

    longest = 0  #: bytes of the packet that was too long; 0: none

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MOST_PACKET_BYTES:
            self.longest = bufsize
            raise PacketTooLongError(f"a packet of {bufsize} bytes")
        return bytes(super()._sock_recv(bufsize))


def new_client(settings: MqttSettings, name: str, will: str) -> PahoClient:
    """Make a client that is not connected yet; `will` is the topic of its availability.

    Raises BadFileError when a file of the settings cannot be used.
    """
    client = PahoClient(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5 if is_5(settings) else paho.MQTTv311,
        clean_session=None if is_5(settings) else True, reconnect_on_failure=False,
    )  # fmt: skip
    client.connect_timeout = CONNECT_S
    client.will_set(will, OFFLINE, qos=1, retain=True)
    if settings.user:
        with _named("password_file"):
            client.username_pw_set(settings.user, _password(settings))
    if settings.tls:
        with _named("ca_file"):
            client.tls_set_context(plain_client_context(settings.ca_file))
    return client


def connect(client: PahoClient, settings: MqttSettings) -> None:
    """Open the connection and send CONNECT; blocks; raises OSError."""
    more: dict[str, Any] = {}
    if is_5(settings):
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = MOST_PACKET_BYTES
        more = {"clean_start": True, "properties": limits}
    client.connect(settings.host.strip("[]"), settings.port_used, settings.keepalive_s, **more)


def subscribe(client: PahoClient, settings: MqttSettings, topic: str) -> None:
    """Ask for the messages below a topic, not for what was retained there as far as the broker knows of that."""
    if is_5(settings):
        client.subscribe(topic, options=SubscribeOptions(qos=1, retainHandling=NO_RETAINED))
    else:
        client.subscribe(topic, qos=1)


def subscribe_to_kept(client: PahoClient, settings: MqttSettings, topics: Sequence[str]) -> None:
    """Ask for what is retained at these topics, and as far as the broker knows of that not for what we say there."""
    if is_5(settings):
        client.subscribe([(topic, SubscribeOptions(qos=1, noLocal=True)) for topic in topics])
    else:
        client.subscribe([(topic, 1) for topic in topics])


def is_5(settings: MqttSettings) -> bool:
    """Tell whether MQTT 5 is spoken."""
    return settings.version == "5"


def explain_refusal(reason: object, settings: MqttSettings, client: str) -> str:
    """Say what the broker's reason means, and what to change."""
    who = f"user {settings.user!r} with this password" if settings.user else "whoever gives no user and password"
    known = _REFUSALS.get(str(reason), "it says: {reason}")
    return known.format(reason=reason, who=who, version=settings.version, client=client)


def has_more(sock: Any) -> bool:
    """Tell whether TLS has taken bytes out of the socket that nobody has read."""
    pending: Callable[[], int] | None = getattr(sock, "pending", None)
    return bool(pending and pending())


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Say whose file it is that cannot be used: what the system says of it may name none."""
    try:
        yield
    except OSError as error:
        raise BadFileError(explain_file(key, error)) from None


def _password(settings: MqttSettings) -> str:
    if not settings.password_file:
        return settings.password
    with Path(settings.password_file).open(encoding="utf-8", errors="replace") as file:
        return file.read(1024).strip("\r\n")
