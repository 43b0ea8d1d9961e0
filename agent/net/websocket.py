"""One WebSocket on gevent sockets, driven by the sans-IO protocol of `websockets` (RFC 6455, RFC 7692).

A greenlet dials and reads; what is sent only waits in a `SendQueue`. Reports stop the moment `close` is called, and
the closing handshake then goes on by itself for at most CLOSE_TIMEOUT_S. The reader takes turns with everybody else,
and a server that sends far more than the protocol needs is left: what frames, and their bytes, may cost is a budget.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic
from typing import Any, Protocol

import gevent
from gevent import socket
from gevent.ssl import SSLContext

from agent.closing import Closing
from agent.log import MOST_WHY, excerpt
from agent.net.dial import connect, route_source
from agent.net.kept_answers import SocketAddress
from agent.net.rate_limit import RateLimit
from agent.net.resolve import is_literal, resolve
from agent.net.send_queue import SendQueue
from agent.net.tls import explain
from agent.net.turns import Turns
from hw.light_import import later_metadata, standing_in

with standing_in(later_metadata()):
    from websockets.client import ClientProtocol
    from websockets.exceptions import InvalidURI
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    from websockets.frames import CloseCode, Frame, Opcode
    from websockets.http11 import Response
    from websockets.protocol import State
    from websockets.typing import Subprotocol
    from websockets.uri import parse_uri

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 1.0
MAX_MESSAGE_BYTES = 512 * 1024  #: a larger message ends the connection, and so do more fragments of one:
MAX_FRAGMENTS = 64
READ_BYTES = 1024  # parsed at once: five hundred empty frames at most
COSTLY_BYTES = 4 * 1024  # that cost as much as another frame
FRAMES_PER_S = 100.0  # on average; a busy service sends a few in a second
STEPS_A_TURN = 16  # reads and frames
MOST_LAST_READS = 64  # after the last word, until the closing handshake: several sockets that were left must not add up

_SILENT = logging.getLogger(f"{__name__}.protocol")
_SILENT.setLevel(logging.WARNING)  # its debug lines would show frames, and so tokens


class SocketOwner(Protocol):
    """Who gets the reports of one socket, on the hub."""

    def socket_resolving(self) -> None: ...  # the host's name is looked up; not for an address

    def socket_resolved(self) -> None: ...

    def socket_opened(self) -> None: ...

    def socket_message(self, data: str | bytes) -> None: ...

    def socket_failed(self, message: str) -> None: ...

    def socket_closed(self, code: int, reason: str) -> None: ...


class WebSocket(Closing):
    """A connection to `uri` (wss only); dialling starts with the object. Raises ValueError for a bad address.

    With `subprotocols` the server must take one of them (RFC 6455 section 1.9).
    """

    def __init__(
        self, uri: str, context: SSLContext, owner: SocketOwner, user_agent: str, subprotocols: Sequence[str] = ()
    ) -> None:
        try:
            self._uri = parse_uri(uri)
        except InvalidURI as exc:
            raise ValueError(str(exc)) from None
        if not self._uri.secure:
            raise ValueError(f"{uri} is not a secure WebSocket address; it must begin with wss://")
        self._context = context
        self._owner: SocketOwner | None = owner
        self._user_agent = user_agent
        self._subprotocols = tuple(subprotocols)
        self._protocol = ClientProtocol(
            self._uri,
            extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)],
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=MAX_MESSAGE_BYTES,
            logger=_SILENT,
        )
        self._sock: Any = None
        self._turns = Turns(STEPS_A_TURN)
        self._budget = RateLimit(FRAMES_PER_S, monotonic())
        self._fragments: list[Frame] = []
        self._unsent = SendQueue()
        self._left = False
        self._reader = gevent.spawn(self._run)

    def send(self, text: str) -> None:
        """Queue one text message; raises ConnectionError when the connection is not open or full."""
        if self._protocol.state is not State.OPEN or self._unsent.is_full:
            raise ConnectionError("the signaling socket takes no message now")
        self._protocol.send_text(text.encode())
        self._flush()

    def close(self) -> None:
        """End it; nothing is reported any more."""
        self._owner = None
        gevent.spawn(self._finish)

    def join(self, timeout_s: float) -> None:
        """Wait until everything queued before `close` is out and the socket is gone."""
        self._reader.join(timeout_s)

    @property
    def local_address(self) -> str | None:
        """The address of this machine that the connection uses; None while there is none."""
        try:
            return str(self._sock.getsockname()[0])
        except (AttributeError, OSError):
            return None

    def path_intact(self) -> bool:
        """Tell whether the kernel would still send to this peer from the address that the connection uses.

        Without any route the answer is yes: the connection survives until the route is back, or its time-outs end it.
        """
        try:
            source = route_source(self._sock.family, self._sock.getpeername())
        except (AttributeError, OSError):
            return False
        return source is None or source == self.local_address

    def _run(self) -> None:
        host = self._uri.host
        try:
            self._open()
            self._read()
        except socket.gaierror as exc:
            self._fail(f"Cannot resolve {host}: {exc.strerror}. Check the host name and the network.")
        except OSError as exc:
            self._fail(explain(exc, host))
        except Exception as exc:
            log.exception("the signaling socket failed")
            self._fail(f"The signaling socket failed: {type(exc).__name__}.")
        finally:
            self._shut()

    def _open(self) -> None:
        self._sock = connect(self._look_up())
        self._sock = self._context.wrap_socket(self._sock, server_hostname=self._uri.host)
        self._unsent.start(self._sock)
        request = self._protocol.connect()
        request.headers["User-Agent"] = self._user_agent
        self._protocol.send_request(request)
        self._flush()

    def _look_up(self) -> list[SocketAddress]:
        """Find the addresses of the host; the owner is told, because this takes a time of its own."""
        host, port = self._uri.host, self._uri.port
        if is_literal(host):
            return resolve(host, port)
        if self._owner is not None:
            self._owner.socket_resolving()
        addresses = resolve(host, port)
        if self._owner is not None:
            self._owner.socket_resolved()
        return addresses

    def _read(self) -> None:
        """Read until the closing handshake or the end of the stream, then report how it ended."""
        protocol, last_reads = self._protocol, 0
        while self._owner is not None or (protocol.state is not State.CLOSED and last_reads < MOST_LAST_READS):
            last_reads += self._owner is None
            self._turns.step()
            data = self._sock.recv(READ_BYTES)
            if data:
                protocol.receive_data(data)
            else:
                protocol.receive_eof()
            self._flush()
            if self._unsent.is_full:
                raise ConnectionError("the server takes no data")
            for event in protocol.events_received():
                if self._left:
                    break
                self._take(event)
            if protocol.handshake_exc is not None:
                self._fail(f"{self._uri.host} refused the WebSocket: {protocol.handshake_exc}.")
                return
            if protocol.state in (State.CLOSING, State.CLOSED):
                self._report_close(protocol.close_rcvd)
            if not data:
                return

    def _take(self, event: Any) -> None:
        owner = self._owner
        if owner is None:
            return
        if isinstance(event, Response):
            self._take_handshake(owner)
            return
        cost = 1 + len(event.data) / COSTLY_BYTES
        if not self._budget.take(monotonic(), cost):
            self._leave(CloseCode.POLICY_VIOLATION, "too many messages")
        elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._take_fragment(owner, event)
        self._turns.step(cost)

    def _take_handshake(self, owner: SocketOwner) -> None:
        if self._protocol.state is not State.OPEN:
            return
        if not self._subprotocols or self._protocol.subprotocol is not None:
            owner.socket_opened()
            return
        wanted = " or ".join(self._subprotocols)
        owner.socket_failed(
            f"{self._uri.host} takes WebSockets, but does not speak the sub-protocol {wanted} on them. Check the path"
            " in the address, and that the server has this service switched on."
        )
        self._leave(CloseCode.PROTOCOL_ERROR, f"it does not speak {wanted}")

    def _take_fragment(self, owner: SocketOwner, fragment: Frame) -> None:
        self._fragments.append(fragment)
        if fragment.fin:
            fragments, self._fragments = self._fragments, []
            owner.socket_message(_message(fragments))
        elif len(self._fragments) >= MAX_FRAGMENTS:
            self._leave(CloseCode.MESSAGE_TOO_BIG, "too many fragments")

    def _leave(self, code: CloseCode, reason: str) -> None:
        """Fail the connection (RFC 6455 section 7.1.7); what is still parsed is dropped."""
        self._left = True
        self._fragments.clear()
        self._protocol.fail(code, reason)
        self._flush()

    def _report_close(self, received: Any) -> None:
        owner, self._owner = self._owner, None
        if owner is None:
            return
        if received is not None:
            owner.socket_closed(received.code, received.reason)
        else:
            ours = self._protocol.close_sent
            owner.socket_closed(1006, f"was left because of what it sent: {ours.reason}" if ours else "")

    def _fail(self, message: str) -> None:
        owner = self._owner
        if owner is None:
            return
        if self._protocol.state is State.CONNECTING:
            owner.socket_failed(message)
        else:
            log.debug("the signaling socket broke: %s", excerpt(message, MOST_WHY))
        self._report_close(None)

    def _flush(self) -> None:
        self._unsent.put(self._protocol.data_to_send())

    def _finish(self) -> None:
        state = self._protocol.state
        if state is State.CONNECTING and not self._unsent.has_socket:
            self._reader.kill(block=False)  # still dialling: it cleans up by itself
            return
        if state is State.OPEN:
            self._protocol.send_close()
            self._flush()
        if state is not State.CONNECTING:
            self._reader.join(CLOSE_TIMEOUT_S)
        self._shut()

    def _shut(self) -> None:
        self._unsent.stop()
        if self._sock is not None:
            self._sock.close()


def _message(fragments: list[Frame]) -> str | bytes:
    data = b"".join(bytes(fragment.data) for fragment in fragments)
    if fragments[0].opcode is Opcode.BINARY:
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
