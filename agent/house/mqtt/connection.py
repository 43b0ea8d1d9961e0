"""One connection to the broker, from the look-up of its name to the reason why it ended; blocks its thread.

What is published waits in the outbox until the broker takes it, so that nothing piles up in paho.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from agent.errors import FarSideError
from agent.house.mqtt.explanations import expected_speech, explain, explain_too_long
from agent.house.mqtt.leftovers import Leftovers
from agent.house.mqtt.outbox import Outbox
from agent.house.mqtt.paho_client import (
    BadFileError,
    PahoClient,
    connect,
    explain_refusal,
    has_more,
    new_client,
    subscribe,
    subscribe_to_kept,
)
from agent.house.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

ANSWER_S = 10.0  # from CONNECT to SUBACK
CONNECTING_S = 150.0  # what names (120 s) and TCP may take before the thread counts as stuck; TLS has keepalive_s


class BrokerGoneError(FarSideError):
    """The connection is over; the message says why, `refused` that it will be so again until something is changed."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class ConnectionOwner(Protocol):
    """The thread that a connection lives in."""

    is_ending: bool

    def wait(self, sock: Any, write: bool, wait_s: float) -> tuple[bool, bool]:
        """Wait for the socket or the hub; whether the socket can be read, and written."""

    def has_read(self) -> None:
        """Note that a packet was read."""

    def listens(self) -> None:
        """Note that the broker has let us in, and will pass on what the house asks for."""

    def hears(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take what the house asks for."""


class BrokerConnection:
    """One after the other: each `serve` is another connection."""

    def __init__(self, owner: ConnectionOwner, outbox: Outbox, lock: threading.Lock, settings: MqttSettings,
                 name: str, will: str, commands: str, leftovers: Leftovers) -> None:  # fmt: skip
        """`lock` is the outbox's; `will` and `commands` are topics; what is left over at the broker is taken away."""
        self._owner, self._outbox, self._lock, self._leftovers = owner, outbox, lock, leftovers
        self._settings, self._client_name, self._will, self._commands = settings, name, will, commands
        self._up = self._listens = False  # it has let us in; it has taken our subscription
        self._quiet_until_s = 0.0  # the broker need not be asked before
        self._failure: BrokerGoneError | None = None

    def serve(self) -> None:
        """Serve one connection until it ends, which is always told by BrokerGoneError, but for our own end."""
        self._up, self._listens, self._failure = False, False, None
        client = None
        try:
            client = self._client()
            connect(client, self._settings)
            self._serve_client(client)
        except BrokerGoneError:
            raise
        except Exception as error:
            raise self._explained(error) from None
        finally:
            _hang_up(client)

    def _explained(self, error: Exception) -> BrokerGoneError:
        if not isinstance(error, OSError):  # what paho makes of bytes that are no MQTT
            log.debug("the broker's bytes were not understood", exc_info=error)
        why, refused = explain(error, self._settings, was_up=self._up)
        return BrokerGoneError(why, refused=refused)

    def _client(self) -> PahoClient:
        try:
            client = new_client(self._settings, self._client_name, self._will)
        except BadFileError as error:
            raise BrokerGoneError(str(error), refused=True) from None
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _serve_client(self, client: PahoClient) -> None:
        answer_by_s = monotonic() + ANSWER_S
        while not self._owner.is_ending:
            wait_s = (self._quiet_until_s if self._listens else answer_by_s) - monotonic()
            if wait_s <= 0 and not self._listens:
                raise BrokerGoneError(f"it does not answer within {ANSWER_S:g} s")
            self._step(client, max(0.0, wait_s))
            if self._failure is not None:
                raise self._failure
            if client.socket() is None:
                raise BrokerGoneError(self._why_closed(client), refused=bool(client.longest))

    def _step(self, client: PahoClient, wait_s: float) -> None:
        if self._up:
            self._send(client)  # which may be what finds the connection closed
        if (sock := client.socket()) is None:
            return
        readable = has_more(sock)
        if not readable:
            readable, writable = self._owner.wait(sock, client.want_write(), wait_s)
            if writable:
                client.loop_write()
        if self._up and monotonic() >= self._quiet_until_s:
            client.loop_misc()  # asks a broker that is silent, and leaves one that does not answer
            self._put_off()
        if readable:
            client.loop_read()
            self._owner.has_read()

    def _put_off(self) -> None:
        self._quiet_until_s = monotonic() + self._settings.keepalive_s

    def _send(self, client: PahoClient) -> None:
        """Hand paho as much as the broker takes: what it does not take waits here, where it is bounded."""
        while not client.want_write():
            with self._lock:
                message = self._outbox.take(monotonic())
                if message is None:
                    return
                info = client.publish(message.topic, message.payload, qos=1, retain=message.retained)
                self._outbox.sent(info.mid, message)
            self._put_off()

    # --- what paho calls ---

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            why = explain_refusal(reason, self._settings, self._client_name)
            self._failure = BrokerGoneError(why, refused=str(reason) not in ("Server unavailable", "Server busy"))
            return
        with self._lock:
            self._outbox.connected()
        self._up = True
        self._put_off()
        subscribe(client, self._settings, self._commands)

    def _on_subscribe(self, client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if self._listens:
            return  # a broker that does not show what is left over leaves it there
        if any(one.is_failure for one in reasons):
            why = f"it does not let this box read {self._commands}; change what the broker allows"
            self._failure = BrokerGoneError(why, refused=True)
        else:
            self._listens = True
            self._owner.listens()
            subscribe_to_kept(client, self._settings, self._leftovers.filters)

    def _on_disconnect(self, _client: Any, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if self._failure is None and flags.is_disconnect_packet_from_server:
            taken = "Session taken over" in str(reason)
            why = f"another box has this one's name, {self._client_name}; each needs an identity of its own"
            self._failure = BrokerGoneError(why if taken else f"it ended the connection: {reason}", refused=taken)

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        topic, payload = message.topic, bytes(message.payload)
        if topic.startswith(self._commands.removesuffix("#")):
            self._owner.hears(topic, payload, bool(message.retain))
        elif message.retain and self._leftovers.is_ours(topic, payload):
            with self._lock:
                self._outbox.take_away(topic)

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._lock:
            message = self._outbox.confirmed(mid)
        if reason.is_failure and message is not None and message.payload:  # what it has, it may keep
            why = f"it does not take what this box publishes ({reason}); change what the broker allows"
            self._failure = BrokerGoneError(why, refused=True)

    def _why_closed(self, client: PahoClient) -> str:
        if client.longest:
            return explain_too_long(client.longest, [self._commands, *self._leftovers.filters])
        without = f"it hung up without an answer; {expected_speech(self._settings)}"
        lost = f"it was lost; if again and again, another box may have this one's name, {self._client_name}"
        return lost if self._up else without


def _hang_up(client: PahoClient | None) -> None:
    """Close without a farewell, so that the broker publishes the last will."""
    sock = client.socket() if client is not None else None
    if sock is not None:
        with suppress(OSError):
            sock.close()
