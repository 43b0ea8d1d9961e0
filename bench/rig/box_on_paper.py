"""A box that lives on paper: its sockets, its clock and its program are played, and broken SIP messages reach it."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter, deque
from collections.abc import Iterable

from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.effects import DialEdge, SipEffect, TellListeners, WriteText
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from agent.signaling.sip.user_agent import UserAgent
from bench.rig.broken_sip import GOOD, SDP, Frame, Tally, broken, mutated


class BoxOnPaper:
    """A user agent whose sockets, clock and program are played; it calls, is called, and hears broken messages."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._now = 0.0
        account = SipAccount(("wss://a.example/", "wss://b.example/"), "kiosk", "pbx.example", "secret")
        self.agent = UserAgent(account, Flows(account.edges, random=chance.random), random=chance.random)
        self.told: Counter[str] = Counter()
        self._sent: deque[SipRequest] = deque(maxlen=16)
        self._said: deque[SipResponse] = deque(maxlen=16)
        self._calls: deque[str] = deque(maxlen=8)
        self._count = 0
        self._carry_out([*self.agent.open(0.0), *self.agent.register(True, 0.0)])

    def hear_many(self, count: int) -> Tally:
        """Let it hear so many messages; faults are what it logs as errors, and what it raises."""
        tally, log = Tally(), _Faults()
        logging.getLogger("agent.signaling.sip").addHandler(log)
        for _ in range(count):
            began = time.process_time()
            frame = self._chance.choice((self._any, self._answer, self._new_call, self._within))()
            try:
                self._hear(frame)
            except Exception as exc:
                tally.faults.append(f"{exc!r} by {frame!r}")
            tally.faults += [f"{fault} by {frame!r}" for fault in log.taken()]
            tally.slowest_s = max(tally.slowest_s, time.process_time() - began)
        logging.getLogger("agent.signaling.sip").removeHandler(log)
        return tally

    def _hear(self, frame: Frame) -> None:
        """Take one message; the program does something now and then, and time goes on."""
        flow = self.agent.flows[self._chance.choice(self.agent.flows.numbers)]
        self._carry_out(flow.socket_message(flow.attempt, frame, self._now))
        self._count += 1
        act = self._chance.randrange(40)
        if act < 3:
            sid = f"call{self._count}"
            self._calls.append(sid)
            self._carry_out(self.agent.calls.call(sid, "To=desk&X=1", SDP, self._now))
        elif act < 7 and self._calls:
            phase = self.agent.calls.phase_of(self._chance.choice(self._calls))
            self._carry_out((
                phase.answer(SDP, self._now), phase.offer(SDP, self._now), phase.press("1", self._now),
                phase.hang_up("bye", self._now), phase.reject(603, self._now),
            )[self._chance.randrange(5)])  # fmt: skip
        elif act < 12 and len(self.agent.calls) > 8:
            self._carry_out(self._chance.choice(list(self.agent.calls)).hang_up(None, self._now))
        elif act == 12:
            self._carry_out(flow.socket_closed(flow.attempt, 1006, "", self._now))
        self._now += self._chance.choice((0.0, 0.01, 0.5, 5.0))
        if (due := self.agent.deadline()) is not None and due <= self._now:
            self._carry_out(self.agent.tick(self._now))

    def _carry_out(self, effects: Iterable[SipEffect]) -> None:
        for effect in self.agent.settle(effects, self._now):
            match effect:
                case DialEdge(number, attempt):
                    self._carry_out(self.agent.flows[number].socket_opened(attempt, self._now))
                case WriteText(_, _, text) if text.strip():
                    message = parse_message(text)
                    if isinstance(message, SipRequest):
                        self._sent.append(message)
                    else:
                        self._said.append(message)
                case TellListeners(event, payload):
                    self.told[event] += 1
                    self._calls += [payload["callsid"]] if event == "invite" else []

    def _any(self) -> Frame:
        """Break any message."""
        return next(mutated(self._chance, 1))

    def _new_call(self) -> Frame:
        """Call the box."""
        self._count += 1
        return self._maybe_broken(GOOD[0].replace(";tag=c3d4", "").replace("7f3abd98", f"c{self._count}"))

    def _within(self) -> Frame:
        """Ask for something within one of its latest calls."""
        if not self._said:
            return self._any()
        said = self._chance.choice(self._said)
        method = self._chance.choice(("INVITE", "INVITE", "ACK", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS"))
        number = said.cseq.number + self._chance.choice((0, 0, 1, 2))
        cseq = ("CSeq", f"{number} {method}")
        kind = "application/dtmf-relay" if method == "INFO" else "application/sdp"
        more = (cseq, ("Contact", "<sip:a@b>"), ("Content-Type", kind))
        headers = SipHeaders((*said.headers.only("Via", "From", "To", "Call-ID").lines, *more))
        body = "Signal=5\r\n" if method == "INFO" else self._chance.choice(("", SDP))
        return self._maybe_broken(write_message(SipRequest(method, "sip:kiosk@pbx.example", headers, body)))

    def _answer(self) -> Frame:
        """Answer one of its latest requests."""
        if not self._sent:
            return self._any()
        invites = [request for request in self._sent if request.method == "INVITE"]
        request = self._chance.choice(invites if invites and self._chance.random() < 0.7 else list(self._sent))
        lines = request.headers.only("Via", "From", "To", "Call-ID", "CSeq").lines
        more = (("Contact", "<sip:door@192.0.2.1:5060>;expires=60"), ("Content-Type", "application/sdp"))
        headers = SipHeaders((*lines, *more, ("WWW-Authenticate", 'Digest realm="a", nonce="1"')))
        headers = headers.replaced("To", str(request.to if request.to.tag else request.to.tagged("far")))
        status = self._chance.choice((100, 180, 183, 200, 200, 200, 302, 401, 407, 423, 481, 486, 491, 500, 503, 603))
        return self._maybe_broken(write_message(SipResponse(status, "", headers, self._chance.choice(("", SDP)))))

    def _maybe_broken(self, text: str) -> str:
        for _ in range(max(0, self._chance.randrange(-2, 4))):
            text = broken(text, self._chance)
        return text


class _Faults(logging.Handler):
    """What is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.getMessage()}: {record.exc_info[1]!r}" if record.exc_info else record.getMessage())

    def taken(self) -> list[str]:
        lines, self._lines = self._lines, []
        return lines
