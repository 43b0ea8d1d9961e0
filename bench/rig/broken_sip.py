"""SIP messages as phones and servers send them, broken in a few places, and what becomes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

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
            text = broken(text, chance)
        yield text if chance.random() < 0.5 else _bytes(text, chance)


def broken(text: str, chance: random.Random) -> str:
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
