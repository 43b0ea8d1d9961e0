"""Mutated SIP messages: what is read of them, what is refused, and that nothing else comes of any.

    python -m bench.sip_fuzz [--messages 100000] [--seed 1] [--box]

Each message is one of a few good ones, broken in up to six places. Of whatever is read every part is used, as a phone
would: it is written again, a response to it is written, a request to its Contact too, and challenges are answered. With
`--box` a user agent gets them, in the middle of its calls, with broken answers to what it asks, and broken requests
within those calls. Any error but the named one counts as a fault, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import gc
import logging
import random
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import CredentialsError, ProtocolError
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.digest import DigestClient
from agent.signaling.sip.effects import DialEdge, TellListeners, WriteText
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.header_values import NameAddr, read_addresses, read_seconds
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from agent.signaling.sip.user_agent import SipEffect, UserAgent

Frame = str | bytes

COMMON = (
    "Via: SIP/2.0/WSS 8kq2.invalid;branch=z9hG4bK77aa;rport=40950;received=192.0.2.7\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1b, SIP/2.0/TCP [2001:db8::9]:5061;branch=z9hG4bK2c\r\n"
    "Max-Forwards: 70\r\n"
    'From: "Front \\"Door\\", left" <sip:door@pbx.example>;tag=a1b2\r\n'
    "To: <sip:kiosk@pbx.example>;tag=c3d4\r\n"
    "Call-ID: 7f3abd98@192.0.2.1\r\n"
)
SDP = (
    "v=0\r\no=- 4080046 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 30226 UDP/TLS/RTP/SAVPF 0 101\r\n"
    "c=IN IP4 192.0.2.1\r\na=rtpmap:0 PCMU/8000\r\na=ice-ufrag:2XCc\r\na=setup:actpass\r\n"
)
GOOD = (
    "INVITE sip:kiosk@pbx.example;gr=urn:uuid:11111111-2222-4333-8444-555555555555 SIP/2.0\r\n"
    + COMMON
    + "Record-Route: <sip:192.0.2.11;r2=on;lr;ftag=a1b2>, <sip:192.0.2.11:8443;transport=ws;r2=on;lr>\r\n"
    "CSeq: 2 INVITE\r\nContact: <sip:door@192.0.2.1:5060;transport=udp>;expires=60\r\nX-Floor: 3. Stock, Tür\r\n"
    'P-Asserted-Identity: "Door" <sip:door@pbx.example>;verstat=TN-Validation-Passed\r\nAllow: INVITE, ACK, BYE\r\n'
    f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}",
    "SIP/2.0 401 Unauthorized\r\n" + COMMON + "CSeq: 3 REGISTER\r\n"
    'WWW-Authenticate: Digest realm="pbx.example", nonce="aww,Pz=MD", qop="auth,auth-int", algorithm=SHA-256\r\n'
    'WWW-Authenticate: Digest realm="pbx.example", nonce="awwPzW", qop="auth", stale=true, opaque="x;y"\r\n'
    "Content-Length: 0\r\n\r\n",
    "SIP/2.0 407 Proxy Authentication Required\r\n" + COMMON + "CSeq: 3 INVITE\r\n"
    'Proxy-Authenticate: Digest realm="a", nonce="1", Digest realm="b", nonce="2", algorithm=MD5-sess\r\n\r\n',
    "SIP/2.0 200 OK\r\n" + COMMON + "CSeq: 4 REGISTER\r\n"
    'Contact: <sip:kiosk@8kq2.invalid;transport=ws>;expires=60;pub-gruu="sip:kiosk@pbx.example;gr=urn:uuid:1";'
    '+sip.instance="<urn:uuid:1>";reg-id=1\r\nRequire: outbound\r\nFlow-Timer: 30\r\nContent-Length: 0\r\n\r\n',
    "SIP/2.0 183\r\n" + COMMON + f"CSeq: 2 INVITE\r\nm: sip:a@b\r\nc: application/sdp\r\nl: {len(SDP)}\r\n\r\n{SDP}",
    "SIP/2.0 503 Service Unavailable\r\n" + COMMON + "CSeq: 2 INVITE\r\nRetry-After: 120 (busy);duration=3600\r\n\r\n",
    "BYE sip:kiosk@8kq2.invalid;transport=ws SIP/2.0\r\n" + COMMON + "CSeq: 9 BYE\r\n"
    'Reason: SIP;cause=200;text="Call completed elsewhere"\r\nl: 0\r\n\r\n',
    "CANCEL sip:kiosk@pbx.example SIP/2.0\r\n" + COMMON + "CSeq: 2 CANCEL\r\n\r\n",
    "INFO sip:kiosk@pbx.example SIP/2.0\nv: SIP / 2.0 / WSS h ; branch = z9hG4bK1\nf:\n <sip:a@b>;tag=1\nt: sip:c@d\n"
    "i: 1\nCSeq: 5\n INFO\nc: application/dtmf-relay\nl: 10\n\nSignal=5\r\n",
    "REGISTER sip:pbx.example SIP/2.0\r\n" + COMMON + "CSeq: 1 REGISTER\r\nContact: *\r\nExpires: 0\r\n\r\n",
)  # fmt: skip
BITS = (
    "", '"', "<", ">", ";", ",", ":", "=", "@", " ", "\t", "\r", "\n", "\r\n", "\r\n ", "\r\n\r\n", "\x00", "\\", "%",
    "%00", "é", "\u2028", "\ud800", "sip:", "SIP/2.0", "SIP/2.0 ", "*", "-1", "4294967296", "9" * 400, '"' * 300,
    "<" * 300, ";a=" * 300, "\\" * 301, "Via: ", "Content-Length: 7\r\n", "To: <sip:a@b>\r\n", ";tag=", "[", "\x1f",
)  # fmt: skip


@dataclass
class Tally:
    """What became of the messages."""

    read: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def mutated(chance: random.Random, count: int) -> Iterator[Frame]:
    """Break good messages, as text and as bytes."""
    for _ in range(count):
        text = chance.choice(GOOD)
        for _ in range(chance.randrange(7)):
            text = _broken(text, chance)
        yield text if chance.random() < 0.5 else _bytes(text, chance)


def try_out(frames: Iterator[Frame], digest: DigestClient | None = None) -> Tally:
    """Read each of them, and use what was read."""
    tally, digest = Tally(), digest or DigestClient("kiosk", lambda: "secret")
    for frame in frames:
        began = time.process_time()
        try:
            use(parse_message(frame), digest)
            tally.read += 1
        except ProtocolError:
            tally.refused += 1
        except Exception as exc:
            tally.faults.append(f"{exc!r} by {frame!r}")
        tally.slowest_s = max(tally.slowest_s, time.process_time() - began)
    return tally


def use(message: SipRequest | SipResponse, digest: DigestClient) -> None:
    """Do what a phone does with a message; raises what it must not raise for one that was read."""
    again = parse_message(write_message(message))
    assert (again.call_id, again.cseq, again.from_, again.to) == (
        message.call_id, message.cseq, message.from_, message.to,
    )  # fmt: skip
    message.headers.options("Require")
    read_seconds(message.headers.first("Retry-After"))
    for contact in message.contacts:
        routes = read_addresses(message.headers.all("Record-Route"))
        lines = (*(("Route", str(route)) for route in routes), ("From", str(NameAddr(contact.uri).tagged("1"))))
        write_message(SipRequest("BYE", contact.uri, SipHeaders(lines)))
    if isinstance(message, SipRequest):
        echoed = message.headers.only("Via", "From", "Call-ID", "CSeq").added("To", str(message.to.tagged("1")))
        parse_message(write_message(SipResponse(200, "OK", echoed)))
    elif message.status in (401, 407):
        request = SipRequest("INVITE", "sip:a@b")
        try:
            write_message(SipRequest("INVITE", "sip:a@b", digest.answer(request, message)))
        except CredentialsError:
            write_message(SipRequest("INVITE", "sip:a@b", digest.anticipate(request)))


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
            text = _broken(text, self._chance)
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


def main(arguments: list[str] | None = None) -> int:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.sip_fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--box", action="store_true")
    given = parser.parse_args(arguments)
    chance, digest = random.Random(given.seed), DigestClient("kiosk", lambda: "secret")
    box = BoxOnPaper(chance)

    def run(count: int) -> Tally:
        return box.hear_many(count) if given.box else try_out(mutated(chance, count), digest)

    run(2_000)  # what is kept once is no growth
    gc.collect()
    before_mb, began, cpu = _resident_mb(), time.perf_counter(), time.process_time()
    tally = run(given.messages)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    gc.collect()
    after_mb, peak_mb = _resident_mb(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    read = f"{tally.read} read, {tally.refused} refused"
    if given.box:
        counts = ", ".join(f"{count} x {event}" for event, count in sorted(box.told.items()))
        read = f"a box that told {counts}, and has {len(box.agent.calls)} calls left"
    print(f"{given.messages} mutated messages in {took:.0f} s ({cpu:.0f} s CPU): {read},"
          f" {len(tally.faults)} other errors")  # fmt: skip
    print(f"resident {before_mb:.1f} MiB before, {after_mb:.1f} MiB after, at most {peak_mb:.1f} MiB;"
          f" slowest message {tally.slowest_s * 1000:.0f} ms of CPU")  # fmt: skip
    for fault in tally.faults[:10]:
        print(fault[:2_000])
    return 1 if tally.faults else 0


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _broken(text: str, chance: random.Random) -> str:
    """Break one place, or move, double or drop a line."""
    kind = chance.randrange(8)
    if kind < 4:
        start = chance.randrange(len(text) + 1)
        return text[:start] + chance.choice(BITS) + text[start + chance.randrange(4) :]
    if kind == 4:
        return text[: chance.randrange(len(text) + 1)]
    if kind == 5:
        return text + chance.choice(GOOD) if chance.random() < 0.2 else text
    lines = text.split("\r\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first] = lines[second] if kind == 6 else lines[first] * chance.randrange(3)
    return "\r\n".join(lines)


def _bytes(text: str, chance: random.Random) -> bytes:
    raw = bytearray(text.encode(errors="surrogatepass"))
    for _ in range(chance.randrange(3)):
        if raw:
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


if __name__ == "__main__":
    sys.exit(main())
