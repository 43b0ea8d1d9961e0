"""What two ends of a call remember of each other, so that they can go on talking (RFC 3261 section 12)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from agent.signaling.sip.header_values import NameAddr
from agent.signaling.sip.message import SipMessage, SipRequest, SipResponse
from agent.signaling.sip.writer import SDP, HeaderLines, MessageWriter


class Arrival(Enum):
    """How a request within a dialog stands to those before it."""

    NEW = auto()
    AGAIN = auto()  # the same one, over another way
    LATE = auto()  # older than one that came already


@dataclass
class Dialog:
    """One dialog; `target` and `routes` stay as the far end wrote them, or they would lead elsewhere."""

    call_id: str
    local: NameAddr
    remote: NameAddr
    target: str
    routes: tuple[str, ...]
    local_number: int
    remote_number: int | None = None

    @classmethod
    def of_answer(cls, invite: SipRequest, response: SipResponse) -> Dialog:
        """Make the dialog of an INVITE of ours; also one of a provisional response with a tag."""
        routes = tuple(reversed(response.headers.all("Record-Route")))
        return cls(
            invite.call_id, invite.from_, response.to, target_of(response) or invite.uri, routes, invite.cseq.number
        )

    @classmethod
    def of_invite(cls, invite: SipRequest, tag: str) -> Dialog:
        """Make the dialog of an INVITE of theirs, in which we have this tag."""
        return cls(
            invite.call_id,
            invite.to.tagged(tag),
            invite.from_,
            target_of(invite) or invite.from_.uri,
            invite.headers.all("Record-Route"),
            0,
            invite.cseq.number,
        )

    def owns(self, request: SipRequest) -> bool:
        """Tell whether a request of the far end belongs to it."""
        return (request.call_id, request.to.tag, request.from_.tag) == (self.call_id, self.local.tag, self.remote.tag)

    def arrived(self, number: int) -> Arrival:
        """Note the number of a request of the far end."""
        before = self.remote_number
        if before is not None and number <= before:
            return Arrival.AGAIN if number == before else Arrival.LATE
        self.remote_number = number
        return Arrival.NEW

    def retarget(self, message: SipMessage) -> None:
        """Follow the far end to where it says it is now (RFC 3261 section 12.2)."""
        self.target = target_of(message) or self.target

    def request(
        self,
        writer: MessageWriter,
        method: str,
        *,
        more: HeaderLines | None = None,
        body: str = "",
        body_type: str = SDP,
    ) -> SipRequest:
        """Make our next request in it."""
        self.local_number += 1
        return self._written(writer, method, self.local_number, more, body, body_type)

    def ack(self, writer: MessageWriter, invite: SipRequest) -> SipRequest:
        """Make the ACK of the 2xx to our INVITE; it is a transaction of its own, and shows the same proofs (22.1)."""
        proofs = dict(invite.headers.only("Authorization", "Proxy-Authorization"))
        return self._written(writer, "ACK", invite.cseq.number, proofs, "", SDP)

    def renumber(self, number: int) -> None:
        """Note that a request was sent once more, under this number."""
        self.local_number = max(self.local_number, number)

    def _written(
        self, writer: MessageWriter, method: str, number: int, more: HeaderLines | None, body: str, body_type: str
    ) -> SipRequest:
        uri, routes = _way(self.target, self.routes)
        ends = (self.local, self.remote)
        return writer.request(
            method, uri, ends, self.call_id, number, routes=routes, more=more, body=body, body_type=body_type
        )


def target_of(message: SipMessage) -> str:
    """Return the URI of its Contact; empty where it has none."""
    contacts = message.contacts
    return contacts[0].uri if contacts else ""


def _way(target: str, routes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Tell the Request-URI and the routes; an old proxy, without `lr`, takes the place of the former (12.2.1.1)."""
    if not routes or ";lr" in routes[0].lower():
        return target, routes
    first = routes[0].strip().removeprefix("<").partition(">")[0]
    return first, (*routes[1:], f"<{target}>")
