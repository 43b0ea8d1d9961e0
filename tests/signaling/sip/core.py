"""A user agent on paper: the test is its sockets, its clock and its program, and plays the far end as well."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.effects import CloseEdge, DialEdge, TellListeners, WriteText
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.user_agent import UserAgent
from tests.signaling.sip.sip_text import Text, answer_to

DOMAIN = "pbx.test"
INSTANCE = "0e4e0e0c-6f0e-4a5e-9d1e-000000000001"
GRUU = f"sip:kiosk@{DOMAIN};gr=urn:uuid:{INSTANCE}"
OFFER = ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
         "a=ice-ufrag:ours\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AA\r\na=setup:actpass\r\n"
         "a=sendrecv\r\n")  # fmt: skip
ANSWER = OFFER.replace("ours", "them").replace("AA", "BB").replace("actpass", "active")
THEIRS = ANSWER.replace("active", "actpass")


class Paper:
    """The core, what it has sent and told, and what it is sent."""

    def __init__(
        self, edges: int = 1, *, early_media: bool = False, gruu: bool = True, register: bool = True,
        trusted: tuple[int, ...] = (), **account: Any,
    ) -> None:  # fmt: skip
        self.now = 1000.0
        self.sent: list[tuple[int, Text]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.attempts: dict[int, int] = {}
        self._bound: dict[int, str] = {}
        self._due: deque[Any] = deque()
        self._is_busy = False
        self.gives_gruu = gruu
        self.answers_register = True
        uris = tuple(f"wss://edge{n}.{DOMAIN}/" for n in range(1, edges + 1))
        account["trusted_edges"] = tuple(uris[n - 1] for n in trusted)
        own = {"user": "kiosk", "domain": DOMAIN, "secret": "secret", "instance": INSTANCE}
        self.account = SipAccount(uris, **own | account)
        tokens = (f"own{n}" for n in itertools.count())
        self.agent = UserAgent(self.account, Flows(uris, random=lambda: 0.5), early_media=early_media,
                               random=lambda: 0.5, token=lambda: next(tokens))  # fmt: skip
        self.do(self.agent.open(self.now))
        for flow in range(1, edges + 1):
            self.up(flow)
        if register:
            self.do(self.agent.register(True, self.now))
        self.clear()

    # The machine

    def do(self, effects: Any) -> None:
        """Carry out what comes of an event, behind what is due already, as the shell does."""
        self._due.extend(self.agent.settle(effects, self.now))
        if self._is_busy:
            return
        self._is_busy = True
        while self._due:
            match self._due.popleft():
                case DialEdge(flow, attempt):
                    self.attempts[flow] = attempt
                case WriteText(flow, _, text) if text.strip():
                    self._wrote(flow, Text.read(text))
                case WriteText(flow):
                    self.do(self.agent.flows[flow].socket_message(self.attempts[flow], "\r\n", self.now))
                case CloseEdge():
                    pass
                case TellListeners(event, payload):
                    self.told.append((event, payload))
        self._is_busy = False

    def _wrote(self, flow: int, text: Text) -> None:
        self.sent.append((flow, text))
        if text.is_request and text.method == "REGISTER" and self.answers_register:
            contact, gruu = text.get("Contact"), f';pub-gruu="{GRUU}"' if self.gives_gruu else ""
            contact = self._bound[flow] = contact or self._bound[flow]  # without one it asks what there is
            self.hears(answer_to(text, 200, "OK", tag="reg", Contact=f"{contact}{gruu}"), flow)

    def up(self, flow: int = 1) -> None:
        """The connection that was dialled last is open."""
        self.do(self.agent.flows[flow].socket_opened(self.attempts[flow], self.now))

    def down(self, flow: int = 1) -> None:
        self.do(self.agent.flows[flow].socket_closed(self.attempts[flow], 1006, "", self.now))

    def back(self, flow: int = 1) -> None:
        """Let it be dialled again, and open."""
        before = self.attempts[flow]
        for _ in range(100):
            if self.attempts[flow] != before:
                break
            self.move(1.0)
        self.up(flow)

    def move(self, seconds: float) -> None:
        """Let this much time pass."""
        end = self.now + seconds
        for _ in range(10_000):
            due = self.agent.deadline()
            if due is None or due > end:
                break
            assert due > self.now - 0.2, "something is due for ever"
            self.now = max(self.now, due)
            self.do(self.agent.tick(self.now))
        else:
            raise AssertionError("something is due again and again")
        self.now = end

    def hears(self, text: Text | str, flow: int = 1) -> None:
        self.do(self.agent.flows[flow].socket_message(self.attempts[flow], str(text), self.now))

    # What came of it

    def clear(self) -> None:
        self.sent, self.told = [], []

    @property
    def said(self) -> list[str]:
        """What was sent to the far end since `clear`, each in a word."""
        return [text.method if text.is_request else f"{text.status} {text.method}" for _, text in self.sent
                if text.method != "REGISTER"]  # fmt: skip

    @property
    def events(self) -> list[str]:
        return [name for name, _ in self.told]

    def last(self, word: str) -> Text:
        """The latest message of this method or status."""
        return next(text for _, text in reversed(self.sent) if word == (text.method if text.is_request
                                                                        else str(text.status)))  # fmt: skip

    def payload(self, event: str) -> dict[str, Any]:
        return next(payload for name, payload in reversed(self.told) if name == event)

    @property
    def rest(self) -> int:
        """How much is left of calls: their phases, transactions and timers."""
        calls = self.agent.calls
        return len(calls) + len(calls.clients) + len(calls.servers) + (calls.deadline() is not None)

    # The program

    @property
    def calls(self) -> Any:
        return self.agent.calls

    def call(self, sid: str = "TJS1", params: str = "To=desk") -> None:
        self.do(self.calls.call(sid, params, OFFER, self.now))

    def asks(self, sid: str, wish: str, *given: Any) -> None:
        """The program wants something of a call: `answer`, `hang_up`, `offer`, ..."""
        self.do(getattr(self.calls.phase_of(sid), wish)(*given, self.now))

    # The far end

    def called(self, call_id: str = "C1", body: str = THEIRS, flow: int = 1, **more: str) -> Text:
        """Somebody calls; returns the INVITE."""
        invite = request("INVITE", call_id, body=body, **more)
        self.hears(invite, flow)
        return invite

    def answered(self, sid: str = "TJS1", tag: str = "far", body: str = ANSWER) -> None:
        """A call of ours is answered, under this tag."""
        self.hears(answered(self.last("INVITE"), tag, body))

    def talk(self, sid: str = "TJS1") -> None:
        """A call of ours that was answered a while ago."""
        self.call(sid)
        self.answered(sid)
        self.move(33)
        self.clear()

    def comes_back(self) -> Text:
        """Lose the connection and have another one; returns the offer that asks whether the call is still there."""
        self.down()
        self.back()
        return self.last("INVITE")

    def listens(self, call_id: str = "C1") -> Text:
        """A call to us that is answered; returns its INVITE."""
        invite = self.called(call_id)
        self.asks(call_id, "answer", ANSWER)
        self.hears(within(self, "ACK", call_id))
        self.clear()
        return invite


def talking(**how: Any) -> Paper:
    """A user agent in a call of ours, TJS1, that was answered a while ago."""
    paper = Paper(**how)
    paper.talk()
    return paper


def request(
    method: str, call_id: str, *, number: int = 1, branch: str = "", to_tag: str = "", from_tag: str = "far",
    body: str = "", body_type: str = "application/sdp", uri: str = GRUU, **more: str,
) -> Text:  # fmt: skip
    """A request of the far end."""
    to = f"<sip:kiosk@{DOMAIN}>" + (f";tag={to_tag}" if to_tag else "")
    lines = [
        ("Via", f"SIP/2.0/WSS edge1.{DOMAIN};branch=z9hG4bK{branch or f'{method}{number}{call_id}'}"),
        ("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKphone"),
        ("Max-Forwards", "69"),
        ("From", f'"The desk" <sip:desk@{DOMAIN}>;tag={from_tag}'),
        ("To", to),
        ("Call-ID", call_id),
        ("CSeq", f"{number} {method}"),
        *((name.replace("_", "-"), value) for name, value in more.items()),
    ]
    if method in ("INVITE", "UPDATE"):
        lines.append(("Contact", "<sip:desk@192.0.2.9:5060>"))
    if method == "INVITE" and not to_tag:
        lines.append(("Record-Route", f"<sip:edge1.{DOMAIN};lr>"))
    if body:
        lines.append(("Content-Type", body_type))
    return Text(f"{method} {uri} SIP/2.0", lines, body)


def within(paper: Paper, method: str, sid: str, number: int = 1, **more: Any) -> Text:
    """A request of the far end within a call."""
    phase = paper.calls._phases.get(sid) or paper.calls._leaving[-1]
    dialog = phase.dialog if hasattr(phase, "dialog") else phase._dialog
    return request(method, dialog.call_id, number=number, to_tag=dialog.local.tag, from_tag=dialog.remote.tag, **more)


def answered(invite: Text, tag: str = "far", body: str = ANSWER, status: int = 200) -> Text:
    """The far end's answer to our INVITE."""
    phrase = {180: "Ringing", 183: "Session Progress", 200: "OK"}[status]
    answer = answer_to(invite, status, phrase, tag=tag, body=body, Contact=f"<sip:desk@192.0.2.9:5060;ob={tag}>")
    if not invite.tag("To"):
        answer.lines.append(("Record-Route", f"<sip:edge1.{DOMAIN};lr>, <sip:far.{DOMAIN};lr>"))
    return answer


def refused(request: Text, status: int, phrase: str = "No", **more: str) -> Text:
    """A final response of the far end that is no answer."""
    return answer_to(request, status, phrase, tag="far", **more)
