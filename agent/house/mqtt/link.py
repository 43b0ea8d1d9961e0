"""The connection to the broker, in a thread of its own: it comes back by itself, ever more seldom, and delays nobody.

The hub puts messages into an `Outbox` and goes on. What comes back crosses through the mailbox: commands, at a bounded
rate, and how the connection stands. Nothing wakes the thread but messages, and the broker's keep-alive.
"""

from __future__ import annotations

import logging
import math
import os
import random
import select
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from agent.closing import Closing
from agent.errors import FarSideError
from agent.house.mqtt.leftovers import Leftovers
from agent.house.mqtt.outbox import Outbox
from agent.house.mqtt.paho_client import (
    PahoClient,
    connect,
    explain_refusal,
    has_more,
    new_client,
    subscribe,
    subscribe_to_kept,
)
from agent.house.mqtt.settings import MqttSettings
from agent.log import excerpt
from agent.net.rate_limit import RateLimit

log = logging.getLogger(__name__)

ANSWER_S = 10.0  # from CONNECT to SUBACK
CONNECTING_S = 150.0  # what names (120 s) and TCP may take before the thread counts as stuck; TLS has keepalive_s
MARGIN_S = 5.0
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
STEADY_S = 60.0  # a connection that lasted so long makes the next pause short again
PACKETS_PER_S = 20.0  # what is read; a flood waits in the broker
FLOODED_S = 0.2
COMMANDS_PER_S = 4.0
OLDER = 'For one without MQTT 5 set [mqtt] version = "3.1.1"'

_Post = Callable[..., None]


class LinkState(NamedTuple):
    """How the connection stands: `why` it does not, and whether that waits for somebody (`refused`)."""

    up: bool
    why: str = ""
    refused: bool = False


class BrokerGoneError(FarSideError):
    """The connection is over; the message says why, `refused` that it will be so again until something is changed."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class BrokerLink(Closing):
    """Keeps one connection; its owner calls it on the hub, and is called there through `post`.

    `heard(topic, payload, retained)` is told each message below `commands`, `stands(LinkState)` each change; what is
    left over at the broker is taken away.
    """

    def __init__(self, settings: MqttSettings, name: str, will: str, commands: str, leftovers: Leftovers, post: _Post,
                 heard: Callable[[str, bytes, bool], None], stands: Callable[[LinkState], None]) -> None:  # fmt: skip
        self.outbox = Outbox()
        self.lock = threading.Lock()  # of the outbox
        self._about = (settings, name, will, commands, leftovers, post, heard, stands)
        self._thread: _LinkThread | None = None

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread = _LinkThread(self, *self._about)
        self._thread.start()

    def wake(self) -> None:
        """Send what is in the outbox."""
        if self._thread is not None:
            self._thread.wake()

    def overdue_s(self) -> float:
        """Return the seconds since the thread should have done its next step."""
        return self._thread.overdue_s() if self._thread is not None else 0.0

    def restart(self) -> None:
        """Put another thread into the place of one that stands still, which is told to end if it ever can."""
        self.close()
        self.start()

    def close(self) -> None:
        """Leave; the broker finds out, and tells others by the last will. Idempotent."""
        if self._thread is not None:
            self._thread.end()
            self._thread = None

    def join(self, timeout_s: float) -> None:
        """Wait for a thread that was told to end; for those who have time."""
        for thread in threading.enumerate():
            if isinstance(thread, _LinkThread) and thread.link is self:
                thread.join(timeout_s)


class _LinkThread(threading.Thread):
    """One life of the link: connects again and again until it is ended."""

    def __init__(self, link: BrokerLink, settings: MqttSettings, name: str, will: str, commands: str,
                 leftovers: Leftovers, post: _Post, heard: Callable[[str, bytes, bool], None],
                 stands: Callable[[LinkState], None]) -> None:  # fmt: skip
        super().__init__(name="mqtt", daemon=True)
        self.link = link
        self._leftovers = leftovers
        self._settings, self._client_name, self._will, self._commands = settings, name, will, commands
        self._post, self._heard, self._stands = post, heard, stands
        self._ending = False
        self._due_s = monotonic() + MARGIN_S
        self._waker: int | None
        self._bell, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pipe_lock = threading.Lock()
        self._reads = RateLimit(PACKETS_PER_S, monotonic())
        self._asks = RateLimit(COMMANDS_PER_S, monotonic())
        self._up = self._listens = False  # it has let us in; it has taken our subscription
        self._quiet_until_s = 0.0  # the broker need not be asked before
        self._failure: BrokerGoneError | None = None

    # --- from the hub ---

    def wake(self) -> None:
        """Let the thread look at the outbox."""
        with self._pipe_lock:
            if self._waker is not None:
                with suppress(BlockingIOError):  # it has not read the last ones yet
                    os.write(self._waker, b"!")

    def end(self) -> None:
        """Let it end as soon as it can; it tells nothing any more."""
        self._ending = True
        self.wake()

    def overdue_s(self) -> float:
        """Return the seconds since its next step should have been done."""
        return max(0.0, monotonic() - self._due_s)

    # --- the thread ---

    def run(self) -> None:
        """Connect, serve, and after a pause again."""
        failures = 0
        while not self._ending:
            began_s = monotonic()
            try:
                self._one_connection()
            except BrokerGoneError as gone:
                failures = 1 if monotonic() - began_s > STEADY_S else failures + 1
                self._tell(LinkState(False, str(gone), gone.refused))
            self._rest(PAUSES_S[min(failures, len(PAUSES_S)) - 1] * random.uniform(0.8, 1.2))
        self._due_s = math.inf
        with self._pipe_lock:  # a number that is closed may be another file's the next moment
            waker, self._waker = self._waker, None
        os.close(self._bell)
        if waker is not None:
            os.close(waker)

    def _one_connection(self) -> None:
        """Serve one connection until it ends, which is always told by BrokerGoneError, but for our own end."""
        self._up, self._listens, self._failure = False, False, None
        self._due_s = monotonic() + CONNECTING_S + self._settings.keepalive_s
        client = None
        try:
            client = self._client()
            connect(client, self._settings)
            self._serve(client)
        except BrokerGoneError:
            raise
        except ssl.SSLCertVerificationError as error:
            said = excerpt(error.verify_message, 120)
            why = f"its certificate is not trusted ({said}); set [mqtt] ca_file or host, or the clock"
            raise BrokerGoneError(why, refused=True) from None
        except ssl.SSLError as error:
            why = f"it does not speak TLS as expected ({excerpt(error.reason or error, 120)}); is it this port?"
            raise BrokerGoneError(why, refused=True) from None
        except OSError as error:
            raise BrokerGoneError(excerpt(error.strerror or error, 120)) from None
        except Exception as error:  # what paho makes of bytes that are no MQTT
            log.debug("the broker's bytes were not understood", exc_info=True)
            old = "" if self._up or self._settings.version != "5" else f"; is it an old one? {OLDER}"
            raise BrokerGoneError(f"it sends what is no MQTT ({type(error).__name__}){old}", refused=True) from None
        finally:
            _hang_up(client)

    def _client(self) -> PahoClient:
        try:
            client = new_client(self._settings, self._client_name, self._will)
        except OSError as error:  # of the files that the settings name
            why = f"a file of [mqtt] cannot be used: {excerpt(error, 200)}"
            raise BrokerGoneError(why, refused=True) from None
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _serve(self, client: PahoClient) -> None:
        answer_by_s = monotonic() + ANSWER_S
        while not self._ending:
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
            readable, writable = self._wait(sock, client.want_write(), wait_s)
            if writable:
                client.loop_write()
        if self._up and monotonic() >= self._quiet_until_s:
            client.loop_misc()  # asks a broker that is silent, and leaves one that does not answer
            self._put_off()
        if readable:
            client.loop_read()
            if not self._reads.take(monotonic()):
                self._rest(FLOODED_S)

    def _wait(self, sock: Any, write: bool, wait_s: float) -> tuple[bool, bool]:
        """Wait for the socket or the hub; whether the socket can be read, and written."""
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN | (select.POLLOUT if write else 0))
        poll.register(self._bell, select.POLLIN)
        self._due_s = monotonic() + wait_s + MARGIN_S
        ready = dict(poll.poll(math.ceil(wait_s * 1000)))
        if self._bell in ready:
            os.read(self._bell, 4096)
        found = ready.get(sock.fileno(), 0)
        return bool(found & ~select.POLLOUT), bool(found & select.POLLOUT)

    def _put_off(self) -> None:
        self._quiet_until_s = monotonic() + self._settings.keepalive_s

    def _send(self, client: PahoClient) -> None:
        """Hand paho as much as the broker takes: what it does not take waits here, where it is bounded."""
        while not client.want_write():
            with self.link.lock:
                message = self.link.outbox.take(monotonic())
                if message is None:
                    return
                info = client.publish(message.topic, message.payload, qos=1, retain=message.retained)
                self.link.outbox.sent(info.mid, message)
            self._put_off()

    def _rest(self, pause_s: float) -> None:
        self._due_s = monotonic() + pause_s + MARGIN_S
        until_s = monotonic() + pause_s
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        while not self._ending and (left_s := until_s - monotonic()) > 0:
            if poll.poll(math.ceil(left_s * 1000)):
                os.read(self._bell, 4096)

    # --- what paho calls, in the thread ---

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            why = explain_refusal(reason, self._settings, self._client_name)
            self._failure = BrokerGoneError(why, refused=str(reason) not in ("Server unavailable", "Server busy"))
            return
        with self.link.lock:
            self.link.outbox.connected()
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
            self._tell(LinkState(True))
            subscribe_to_kept(client, self._settings, self._leftovers.filters)

    def _on_disconnect(self, _client: Any, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if self._failure is None and flags.is_disconnect_packet_from_server:
            taken = "Session taken over" in str(reason)
            why = f"another box has this one's name, {self._client_name}; each needs an identity of its own"
            self._failure = BrokerGoneError(why if taken else f"it ended the connection: {reason}", refused=taken)

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        topic, payload = message.topic, bytes(message.payload)
        if not topic.startswith(self._commands.removesuffix("#")):
            if message.retain and self._leftovers.is_ours(topic, payload):
                with self.link.lock:
                    self.link.outbox.take_away(topic)
        elif self._asks.take(monotonic()):
            self._tell_hub(self._heard, topic, payload, bool(message.retain))

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self.link.lock:
            message = self.link.outbox.confirmed(mid)
        if reason.is_failure and message is not None and message.payload:  # what it has, it may keep
            why = f"it does not take what this box publishes ({reason}); change what the broker allows"
            self._failure = BrokerGoneError(why, refused=True)

    # --- to the hub ---

    def _why_closed(self, client: PahoClient) -> str:
        if client.longest:
            return f"it sends a packet of {client.longest} bytes; somebody retains too much below {self._commands}"
        without = f"it hung up without an answer; does it speak MQTT, with TLS or without? {OLDER}"
        lost = f"it was lost; if again and again, another box may have this one's name, {self._client_name}"
        return lost if self._up else without

    def _tell(self, state: LinkState) -> None:
        self._tell_hub(self._stands, state)

    def _tell_hub(self, fn: Callable[..., None], *args: Any) -> None:
        if not self._ending:
            self._post(fn, *args)


def _hang_up(client: PahoClient | None) -> None:
    """Close without a farewell, so that the broker publishes the last will."""
    sock = client.socket() if client is not None else None
    if sock is not None:
        with suppress(OSError):
            sock.close()
