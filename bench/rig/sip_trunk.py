"""The trunk of a site: SIPp plays what stands behind it, one scenario at a time, and without sound.

Numbers that no user has go there, and what comes from there needs no secret. A scenario is the XML that SIPp reads.
"""

from __future__ import annotations

from pathlib import Path

import gevent

from agent.closing import Closing
from bench.rig.sip_network import EDGES, TRUNK
from bench.rig.sip_site import DOMAIN, TRUNK_PORT, SipSite

CONTACT = "Contact: <sip:trunk@[local_ip]:[local_port]>"
COPIED = "[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]of[call_number]\n[last_Call-ID:]\n[last_CSeq:]"
CODECS = {"PCMU": 0, "PCMA": 8}


def _send(message: str, more: str = "") -> str:
    return f"<send {more}><![CDATA[\n{message}\n]]></send>"


def offered(codec: str = "PCMU") -> str:
    """A description of one codec and digits, with its head."""
    number = CODECS[codec]
    return (
        "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=trunk 1 1 IN IP4 [local_ip]\ns=-\n"
        f"c=IN IP4 [media_ip]\nt=0 0\nm=audio 6000 RTP/AVP {number} 101\na=rtpmap:{number} {codec}/8000\n"
        "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
    )


NOTHING = "Content-Length: 0\n"


def scenario(*steps: str) -> str:
    """The file of these steps."""
    head = '<?xml version="1.0"?><!DOCTYPE scenario SYSTEM "sipp.dtd">'
    return f'{head}<scenario name="trunk">{"".join(steps)}</scenario>'


def answer(status: str, body: str = NOTHING, surely: bool = False) -> str:
    """Answer the last request; `surely` repeats it until it is acknowledged."""
    again = 'retrans="500"' if surely else ""
    return _send(f"SIP/2.0 {status}\n{COPIED}\n{CONTACT}\n[last_Record-Route:]\n{body}", again)


def wait(ms: int) -> str:
    """Let time pass."""
    return f'<pause milliseconds="{ms}"/>'


INVITED = '<recv request="INVITE" rrs="true"/>'
ACKED = '<recv request="ACK"/>'
UNTIL_BYE = f'{ACKED}<recv request="BYE" timeout="60000"/>{answer("200 OK")}'


def takes(codec: str = "PCMU", early_ms: int = 0) -> str:
    """Take the call, after so long a time with sound before the answer."""
    early = (answer("183 Session Progress", offered(codec)), wait(early_ms)) if early_ms else (answer("180 Ringing"),)
    return scenario(INVITED, *early, answer("200 OK", offered(codec), surely=True), UNTIL_BYE)


def refuses(status: str) -> str:
    """Ring, and refuse with a status."""
    return scenario(INVITED, answer("180 Ringing"), wait(200), answer(status, surely=True), ACKED)


def rings() -> str:
    """Ring until the call is cancelled. The answer to the INVITE needs its own Via lines, not those of the CANCEL."""
    vias = "".join(
        f'<ereg regexp=".*" search_in="hdr" header="Via:" occurrence="{n}" assign_to="v{n}"/>' for n in (1, 2)
    )
    number = '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="n"/>'
    gone = (
        "SIP/2.0 487 Request Terminated\nVia:[$v1]\nVia:[$v2]\n[last_From:]\n[last_To:];tag=[pid]of[call_number]\n"
        f"[last_Call-ID:]\nCSeq: [$n] INVITE\n{NOTHING}"
    )
    return scenario(
        f'<recv request="INVITE"><action>{number}{vias}</action></recv>', answer("180 Ringing"),
        '<recv request="CANCEL"/>', answer("200 OK"), _send(gone, 'retrans="500"'), ACKED,
    )  # fmt: skip


def calls(user: str, talk_ms: int = 500, codec: str = "PCMU", headers: str = "", cancels: bool = False) -> str:
    """Call a user; talk so long and hang up, or cancel while it rings."""
    first = f"\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n{_who(user, '')}\n"
    invite = f"INVITE sip:{user}@{DOMAIN} SIP/2.0{first}CSeq: 1 INVITE\n{headers}{offered(codec)}"
    ringing = '<recv response="100" optional="true"/>'
    if cancels:
        # Both name the INVITE's branch: so many messages before them.
        cancel = f"CANCEL sip:{user}@{DOMAIN} SIP/2.0{first}CSeq: 1 CANCEL\n{NOTHING}".replace("[branch]", "[branch-3]")
        ack = f"ACK sip:{user}@{DOMAIN} SIP/2.0{first}CSeq: 1 ACK\n{NOTHING}".replace("[branch]", "[branch-6]")
        ack = ack.replace(_who(user, ""), _who(user, "[peer_tag_param]"))
        return scenario(
            _send(invite, 'retrans="500"'), ringing, '<recv response="180"/>', _send(cancel, 'retrans="500"'),
            '<recv response="200"/><recv response="487"/>', _send(ack),
        )  # fmt: skip
    ringing += '<recv response="180" optional="true" rrs="true"/><recv response="183" optional="true" rrs="true"/>'
    return scenario(
        _send(invite, 'retrans="500"'), ringing, '<recv response="200" rrs="true" timeout="20000"/>',
        _send(_within(user, 1, "ACK")), wait(talk_ms), _send(_within(user, 2, "BYE"), 'retrans="500"'),
        '<recv response="200" timeout="10000"/>',
    )  # fmt: skip


def calls_without_offer(user: str, talk_ms: int) -> str:
    """Call a user without a description, and answer the one in its 200 with the ACK; twice in one call."""
    first = f"\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n{_who(user, '')}\n"
    invite = f"INVITE sip:{user}@{DOMAIN} SIP/2.0{first}CSeq: 1 INVITE\n{NOTHING}"
    ringing = '<recv response="100" optional="true"/><recv response="180" optional="true" rrs="true"/>'
    return scenario(
        _send(invite, 'retrans="500"'), ringing, '<recv response="200" rrs="true" timeout="20000"/>',
        _send(_within(user, 1, "ACK", offered())), wait(talk_ms // 2),
        _send(_within(user, 2, "INVITE"), 'retrans="500"'), '<recv response="100" optional="true"/>',
        '<recv response="200" timeout="20000"/>', _send(_within(user, 2, "ACK", offered())), wait(talk_ms // 2),
        _send(_within(user, 3, "BYE"), 'retrans="500"'),
        '<recv response="200" timeout="10000"/>',
    )  # fmt: skip


class Trunk(Closing):
    """SIPp with one scenario, for so many calls, one after the other or at a rate."""

    def __init__(self, site: SipSite, steps: str, calls: int = 1, *options: str) -> None:
        """`options` are SIPp's own; without any, a call begins when the one before has ended."""
        self.folder = site.folder / f"trunk-{len(list(site.folder.glob('trunk-*')))}"
        self.folder.mkdir()
        (self.folder / "scenario.xml").write_text(steps)
        words = ("sipp", "-sf", str(self.folder / "scenario.xml"), "-i", TRUNK, "-p", str(TRUNK_PORT), "-mi", TRUNK,
                 "-m", str(calls), "-nostdin", "-trace_err", *(options or ("-l", "1")),
                 f"{EDGES[1]}:5060")  # fmt: skip
        self._process = site.spawn("net", *words, log=self.folder / "log", cwd=self.folder)
        if INVITED.split(" rrs")[0] in steps:
            site.until("the trunk", lambda: site.listens("net", TRUNK_PORT, TRUNK, "u"))

    def until_done(self, limit_s: float = 60) -> None:
        """Wait for the end of all calls. Raises AssertionError that says what SIPp saw when one of them failed."""
        with gevent.Timeout(limit_s, False):
            while self._process.poll() is None:
                gevent.sleep(0.05)
        assert self._process.poll() == 0, self._said()

    def close(self) -> None:
        """End it; idempotent."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _said(self) -> str:
        errors = "".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*errors.log"))
        return errors or Path(self.folder / "log").read_text(errors="replace")[-2000:]


def _who(user: str, tag: str) -> str:
    return (
        f'From: "Front Door" <sip:+15550100@{DOMAIN}>;tag=[pid]by[call_number]\nTo: <sip:{user}@{DOMAIN}>{tag}\n'
        f"Call-ID: [call_id]\n{CONTACT}\nMax-Forwards: 70"
    )


def _within(user: str, number: int, method: str, body: str = NOTHING) -> str:
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
    cseq = f"CSeq: {number} {method}"
    return f"{method} [next_url] SIP/2.0\n{via}\n[routes]\n{_who(user, '[peer_tag_param]')}\n{cseq}\n{body}"
