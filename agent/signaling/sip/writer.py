"""Makes the messages of this box: what they have in common stands here (RFC 3261 sections 8.1.1, 8.2.6; RFC 7118).

A box behind a WebSocket has no address that anybody could send to, so its host is a random name in `.invalid`, and its
Contact is the GRUU that the registrar gave (RFC 5627), by which it is found over whatever connection it has then.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from agent.program import user_agent
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.codes import phrase_of
from agent.signaling.sip.extensions import SUPPORTED, timer_of
from agent.signaling.sip.header_values import NameAddr, SequenceNumber
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse

METHODS: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE")  #: what we take
SDP: Final = "application/sdp"
_COOKIE: Final = "z9hG4bK"  # RFC 3261 section 8.1.1.7
_ECHOED: Final = ("Via", "From", "Call-ID", "CSeq")

HeaderLines = Mapping[str, str]  # name and value


def new_token() -> str:
    """Make a name that nobody guesses."""
    return secrets.token_hex(8)


class MessageWriter:
    """The name of this box in messages; `token` makes its tags, branches and host."""

    def __init__(self, account: SipAccount, token: Callable[[], str] = new_token) -> None:
        self.account = account
        self.host = f"{token()}.invalid"
        self.gruu: str | None = None
        self.token = token

    @property
    def contact(self) -> str:
        """The value of Contact within calls."""
        return f"<{self.contact_uri}>"

    @property
    def contact_uri(self) -> str:
        """Where requests of the far end find us: the GRUU outlives a connection, our own name does not."""
        if self.gruu:
            return self.gruu
        user = self.account.address_of_record.removeprefix("sip:").rpartition("@")[0]
        return f"sip:{user}@{self.host};transport=ws"

    def request(
        self,
        method: str,
        uri: str,
        ends: tuple[NameAddr, NameAddr],
        call_id: str,
        number: int,
        *,
        routes: Sequence[str] = (),
        more: HeaderLines | None = None,
        body: str = "",
        body_type: str = SDP,
    ) -> SipRequest:
        """Make a request; `ends` are From and To."""
        lines = [
            ("Via", f"SIP/2.0/WSS {self.host};branch={self.branch()}"),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", str(ends[0])),
            ("To", str(ends[1])),
            ("Call-ID", call_id),
            ("CSeq", str(SequenceNumber(number, method))),
        ]
        if method in ("INVITE", "UPDATE"):
            lines += [("Contact", self.contact), *self.abilities()]
        lines += [("User-Agent", user_agent()), *(more or {}).items()]
        lines += [("Content-Type", body_type)] if body else []
        return SipRequest(method, uri, SipHeaders(tuple(lines)), body)

    def abilities(self) -> list[tuple[str, str]]:
        """Say what we take."""
        return [("Allow", ", ".join(METHODS)), ("Supported", ", ".join(SUPPORTED))]

    def branch(self) -> str:
        """Make the name of a transaction."""
        return _COOKIE + self.token()

    def renewed(self, request: SipRequest, headers: SipHeaders) -> SipRequest:
        """Make the same request once more, as a transaction of its own."""
        number = SequenceNumber(request.cseq.number + 1, request.method)
        via = f"SIP/2.0/WSS {self.host};branch={self.branch()}"
        return SipRequest(
            request.method, request.uri, headers.replaced("Via", via).replaced("CSeq", str(number)), request.body
        )

    def response(
        self,
        request: SipRequest,
        status: int,
        tag: str,
        *,
        more: HeaderLines | None = None,
        body: str = "",
        phrase: str = "",
    ) -> SipResponse:
        """Make the answer to a request; `tag` is our half of the dialog's name, where the request has none yet."""
        to = request.to if request.to.tag or status == 100 else request.to.tagged(tag)
        headers = request.headers.only(*_ECHOED).added("To", str(to))
        if request.method == "INVITE" and 100 < status < 300:
            headers = SipHeaders((*headers.lines, *request.headers.only("Record-Route").lines))
        if request.method in ("INVITE", "UPDATE") and 100 < status < 300:
            headers = SipHeaders((*headers.lines, ("Contact", self.contact), *self.abilities()))
        lines = [("User-Agent", user_agent()), *(more or {}).items()]
        if 200 <= status < 300 and (timer := timer_of(request)) is not None:
            lines += timer.lines().items()
        lines += [("Content-Type", SDP)] if body else []
        return SipResponse(status, phrase or phrase_of(status), SipHeaders((*headers.lines, *lines)), body)


def cancel_of(request: SipRequest, more: HeaderLines | None = None) -> SipRequest:
    """Make the CANCEL of an INVITE (RFC 3261 section 9.1)."""
    return _companion(request, "CANCEL", str(request.to), more)


def ack_of(request: SipRequest, response: SipResponse) -> SipRequest:
    """Make the ACK of an INVITE that failed; it belongs to the same transaction (RFC 3261 section 17.1.1.3)."""
    return _companion(request, "ACK", str(response.to))


def _companion(request: SipRequest, method: str, to: str, more: HeaderLines | None = None) -> SipRequest:
    number = SequenceNumber(request.cseq.number, method)
    headers = request.headers.only("Via", "Max-Forwards", "Route", "From", "Call-ID")
    lines = (("To", to), ("CSeq", str(number)), *(more or {}).items())
    return SipRequest(method, request.uri, SipHeaders((*headers.lines, *lines)))
