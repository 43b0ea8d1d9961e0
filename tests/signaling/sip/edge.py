"""A small SIP edge on real secure WebSockets: it registers, asks for a proof, and hands calls from one box to another.

It is a registrar with GRUUs and a proxy without a memory of calls (RFC 3261 section 16.11), of a few hundred lines, on
the test's own hub; `plays` lets a test be one of the phones behind it. Nothing of the program's SIP is used here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from gevent import socket
from gevent.ssl import PROTOCOL_TLS_SERVER, SSLContext
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from bench.rig.certificate import make_certificate
from bench.rig.ports import unused_port
from tests.signaling.sip.sip_text import Text, answer_to

DOMAIN = "pbx.test"
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
SECRETS = {"kiosk": "kiosk-secret", "desk": "desk-secret", "lobby": "lobby-secret", "attic": "attic-secret",
           "große tür": "schlüssel"}  # fmt: skip


@dataclass
class Binding:
    """Where one flow of one box is."""

    user: str
    socket: EdgeSocket
    contact: str
    instance: str
    flow: str


@dataclass
class Site:
    """What edges of one PBX share."""

    bindings: list[Binding] = field(default_factory=list)
    plays: dict[str, Callable[[Text, Callable[[Text], None]], None]] = field(default_factory=dict)
    algorithm: str = "MD5"
    gives_gruu: bool = True
    expires_s: int | None = None
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)  #: REGISTER or INVITE: status and phrase
    forks_in_turn: bool = False


class EdgeSocket:
    """One connection as the edge sees it."""

    def __init__(self, edge: Edge, sock: Any) -> None:
        self.edge = edge
        self.is_open = False
        self.name = secrets.token_hex(4)
        self._sock = sock
        self._protocol = ServerProtocol(subprotocols=edge.subprotocols)

    def run(self) -> None:
        try:
            while data := self._sock.recv(65_536):
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    self._take(event)
                self._flush()
        except OSError:
            pass
        finally:
            self.is_open = False
            self.edge.site.bindings = [each for each in self.edge.site.bindings if each.socket is not self]
            self._sock.close()

    def send(self, text: str) -> None:
        if self.is_open and self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())
            self._flush()

    def abort(self) -> None:
        """End it as a broken network does."""
        self.is_open = False
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _take(self, event: Any) -> None:
        if isinstance(event, Request):
            response = self._protocol.accept(event)
            self.is_open = response.status_code == 101
            self._protocol.send_response(response)
            self._flush()
        elif event.opcode in (Opcode.TEXT, Opcode.BINARY):
            self.edge.heard(self, bytes(event.data).decode())

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._sock.sendall(data)
            elif self._protocol.state is not State.CONNECTING:
                self._sock.shutdown(socket.SHUT_WR)


class Edge:
    """One address of a PBX."""

    def __init__(self, folder: Path, site: Site | None = None, host: str = HOSTS[0], port: int = 0) -> None:
        self.site = site or Site()
        self.subprotocols: Any = ["sip"]
        self.host = host
        self.name = f"edge-{host.rpartition('.')[2]}.{DOMAIN}"
        self.traffic: list[tuple[str, Text]] = []  #: direction and message
        self.pings = 0
        self.answers_pings = True
        self.sockets: list[EdgeSocket] = []
        self.ca_file = str(folder / "ca.pem")
        if not Path(self.ca_file).exists():
            make_certificate(Path(self.ca_file), folder / "key.pem", HOSTS)
        self._context = SSLContext(PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.ca_file, folder / "key.pem")
        self._nonces: dict[str, int] = {}
        self._listener: Any = None
        self.port = port or unused_port()  # nobody else may have it while the edge is down
        self.listen()

    @property
    def uri(self) -> str:
        return f"wss://{self.host}:{self.port}/ws"

    def listen(self) -> None:
        """Take connections, for the first time or again."""
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen()
        gevent.spawn(self._accept, self._listener)

    def kill(self) -> None:
        """End as a process that is killed does."""
        self._listener.close()
        for each in self.sockets:
            each.abort()

    def close(self) -> None:
        self.kill()

    def _accept(self, listener: Any) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            gevent.spawn(self._serve, sock)

    def _serve(self, sock: Any) -> None:
        try:
            wrapped = self._context.wrap_socket(sock, server_side=True)
        except OSError:
            return
        connection = EdgeSocket(self, wrapped)
        self.sockets.append(connection)
        connection.run()

    # What comes

    def heard(self, connection: EdgeSocket, raw: str) -> None:
        if not raw.strip("\r\n"):
            self.pings += 1
            if self.answers_pings:
                connection.send("\r\n")
            return
        text = Text.read(raw)
        self.traffic.append(("in", text))
        if not text.is_request:
            self._back(text)
        elif text.method == "REGISTER":
            self._register(connection, text)
        else:
            self._forward(connection, text)

    def say(self, connection: EdgeSocket, text: Text) -> None:
        self.traffic.append(("out", text))
        connection.send(str(text))

    def requests(self, method: str) -> list[Text]:
        """What boxes have asked, oldest first."""
        return [text for way, text in self.traffic if way == "in" and text.is_request and text.method == method]

    def statuses(self, method: str) -> list[int]:
        """What boxes have answered to requests of this method, oldest first."""
        return [text.status for way, text in self.traffic if way == "in" and not text.is_request
                and text.method == method]  # fmt: skip

    def boxes(self, user: str) -> list[Binding]:
        return [each for each in self.site.bindings if each.user == user]

    # Registrar

    def _register(self, connection: EdgeSocket, request: Text) -> None:
        if "REGISTER" in self.site.refuses:
            status, phrase = self.site.refuses["REGISTER"]
            return self.say(connection, answer_to(request, status, phrase, tag="reg"))
        user = self._proved(connection, request, "WWW-Authenticate", "Authorization", 401)
        if user is None:
            return None
        contact = request.get("Contact")
        if not contact:  # it asks what there is
            answer = answer_to(request, 200, "OK", tag="reg")
            answer.lines += [("Contact", f'<{each.contact}>;+sip.instance="<{each.instance}>";reg-id={each.flow}')
                             for each in self.boxes(user)]  # fmt: skip
            return self.say(connection, answer)
        uri = re.search(r"<([^>]+)>", contact)
        instance = re.search(r'\+sip\.instance="<([^>]+)>"', contact)
        flow = re.search(r"reg-id=(\d+)", contact)
        expires = re.search(r";expires=(\d+)", contact)
        assert uri and instance and flow and expires
        self.site.bindings = [each for each in self.site.bindings
                              if (each.instance, each.flow) != (instance[1], flow[1])]  # fmt: skip
        answer = answer_to(request, 200, "OK", tag="reg", Require="outbound", Flow_Timer="30")
        if int(expires[1]):
            self.site.bindings.append(Binding(user, connection, uri[1], instance[1], flow[1]))
            granted = self.site.expires_s or expires[1]
            gruu = f';pub-gruu="sip:{user_part(user)}@{DOMAIN};gr={instance[1]}"' if self.site.gives_gruu else ""
            answer.lines.append(("Contact", f'{contact.split(";expires")[0]}{gruu};expires={granted}'))
            answer.lines += [("Contact", f'<{each.contact}>;+sip.instance="<{each.instance}>";reg-id={each.flow}')
                             for each in self.boxes(user)[:-1]]  # fmt: skip
        return self.say(connection, answer)

    def _proved(self, connection: EdgeSocket, request: Text, ask: str, proof: str, status: int) -> str | None:
        """The user who has shown to have the secret; else the request was answered with a challenge."""
        given = {name: (quoted or plain) for name, quoted, plain
                 in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', request.get(proof))}  # fmt: skip
        user = given.get("username", "")
        if given and given["nonce"] in self._nonces and user in SECRETS:
            assert given["uri"] == request.uri
            assert int(given["nc"], 16) > self._nonces[given["nonce"]]
            self._nonces[given["nonce"]] = int(given["nc"], 16)
            if given["response"] == self._expected(given, request.method):
                return user
        nonce = secrets.token_hex(8)
        self._nonces[nonce] = 0
        challenge = f'Digest realm="{DOMAIN}", nonce="{nonce}", qop="auth,auth-int", algorithm={self.site.algorithm}'
        phrase = "Unauthorized" if status == 401 else "Proxy Authentication Required"
        self.say(connection, answer_to(request, status, phrase, tag="auth", **{ask.replace("-", "_"): challenge}))
        return None

    def _expected(self, given: dict[str, str], method: str) -> str:
        def h(text: str) -> str:
            return hashlib.new(self.site.algorithm.replace("-", ""), text.encode()).hexdigest()

        secret = h(f"{given['username']}:{DOMAIN}:{SECRETS[given['username']]}")
        asked = h(f"{method}:{given['uri']}")
        return h(f"{secret}:{given['nonce']}:{given['nc']}:{given['cnonce']}:auth:{asked}")

    # Proxy

    def _forward(self, connection: EdgeSocket, request: Text) -> None:
        if not request.tag("To") and request.method == "INVITE":
            if "INVITE" in self.site.refuses:
                status, phrase = self.site.refuses["INVITE"]
                return self.say(connection, answer_to(request, status, phrase, tag="proxy"))
            if self._proved(connection, request, "Proxy-Authenticate", "Proxy-Authorization", 407) is None:
                return None
            self.say(connection, answer_to(request, 100, "Trying"))
        return self.route(request, lambda text: self.say(connection, text), connection.name)

    def route(self, request: Text, back: Callable[[Text], None], came_by: str = "") -> None:
        """Send a request on to whom its URI names: one phone that a test plays, or each flow of a box."""
        user = unescaped(request.uri)
        if request.method == "ACK" and request.tag("To") in ("proxy", "auth", "nobody"):
            return
        if user in self.site.plays:
            self.site.plays[user](request, lambda answer: self._answer_of_played(request, answer, back))
            return
        wanted = self._bindings_of(request, user)
        if not wanted:
            if request.method != "ACK":
                back(answer_to(request, 480, "Temporarily Unavailable", tag="nobody"))
            return
        for binding in wanted[:1] if self.site.forks_in_turn else wanted:
            binding.socket.edge.send_to(binding, request, came_by)

    def send_to(self, binding: Binding, request: Text, came_by: str) -> None:
        copy = request.copy()
        branch = re.search(r"branch=([^;]+)", request.get("Via"))
        own = hashlib.md5(f"{branch and branch[1]}{binding.flow}".encode()).hexdigest()
        copy.replaced("Via", [f"SIP/2.0/WSS {self.name};branch=z9hG4bK{own};back={came_by}", *copy.all("Via")])
        if copy.method == "INVITE" and not copy.tag("To"):
            copy.lines.append(("Record-Route", f"<sip:{self.name};transport=ws;lr>"))
        copy.lines = [line for line in copy.lines if line[0] not in ("Route", "Proxy-Authorization")]
        copy.start = f"{copy.method} {binding.contact} SIP/2.0"
        self.say(binding.socket, copy)

    def _bindings_of(self, request: Text, user: str) -> list[Binding]:
        if instance := re.search(r";gr=([^;>\s]+)", request.uri):
            return [each for each in self.site.bindings if each.instance == instance[1]][:1]
        if request.uri.partition("@")[2].startswith(DOMAIN):
            return self.boxes(user)
        host = re.sub(r"^flow\d\.", "", re.split("[;>]", request.uri.partition("@")[2])[0])
        return [each for each in self.site.bindings if host in each.contact][:1]

    def _back(self, answer: Text) -> None:
        """Send a response the way back that its request came; that a fork was merged is nobody's business."""
        if answer.status == 482:
            return
        own, *others = answer.all("Via")
        came_by = re.search(r";back=([^;]*)", own)
        answer = answer.copy()
        answer.replaced("Via", others)
        name = came_by[1] if came_by else ""
        for connection in all_sockets(self.site, self):
            if connection.name == name:
                connection.edge.say(connection, answer)

    def _answer_of_played(self, request: Text, answer: Text, back: Callable[[Text], None]) -> None:
        if request.method == "INVITE" and not request.tag("To") and 100 < answer.status < 300:
            answer.lines.append(("Record-Route", f"<sip:{self.name};transport=ws;lr>"))
        back(answer)


def all_sockets(site: Site, edge: Edge) -> list[EdgeSocket]:
    found = {id(each): each for binding in site.bindings for each in binding.socket.edge.sockets}
    return [*{**found, **{id(each): each for each in edge.sockets}}.values()]


def user_part(user: str) -> str:
    return "".join(char if re.fullmatch(r"[A-Za-z0-9._-]", char) else "".join(f"%{byte:02X}" for byte in char.encode())
                   for char in user)  # fmt: skip


def unescaped(uri: str) -> str:
    """The user of a URI."""
    user = uri.partition(":")[2].partition("@")[0]
    return bytes(re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), user), "latin-1").decode()
