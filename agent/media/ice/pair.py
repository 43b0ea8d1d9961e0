"""A candidate pair (RFC 8445 section 6.1.2) as the rest of the program sees it: two addresses that media may take."""

from __future__ import annotations

import logging

from agent.media.ice.datagrams import DatagramTransport
from agent.media.ice.library import CandidatePair, StunProtocol, aioice
from agent.media.ice.sockets import IpPort, is_closing

log = logging.getLogger(__name__)

OWN_ADDRESS = "own_address"  # what the transport of a TURN allocation is asked for


class Pair:
    """A pair of addresses that may carry media; cheap to send on."""

    __slots__ = ("_send", "_transport", "datagrams", "destination", "raw")

    def __init__(self, raw: CandidatePair) -> None:
        self.raw = raw  # aioice's own, for its generation
        self._send = raw.protocol.transport.sendto
        self._transport = transport = raw.protocol.transport
        #: our socket; None where it is one of a TURN server
        self.datagrams = transport if isinstance(transport, DatagramTransport) else None
        self.destination: IpPort = raw.remote_addr

    @property
    def socket(self) -> StunProtocol:
        """The socket on our side."""
        return self.raw.protocol

    @property
    def own_address(self) -> str:
        """The address of this machine behind our side, also where that is on a TURN server."""
        transport = self._transport
        return str((transport.get_extra_info(OWN_ADDRESS) or transport.get_extra_info("sockname"))[0])

    @property
    def local(self) -> aioice.Candidate:
        """Our side."""
        return self.raw.local_candidate

    @property
    def remote(self) -> aioice.Candidate:
        """The far side."""
        return self.raw.remote_candidate

    def same(self, other: Pair | None) -> bool:
        """Tell whether both are the same pair."""
        return other is not None and other.raw is self.raw

    def send(self, data: bytes) -> None:
        """Send one datagram; a dead path is nobody's exception."""
        if is_closing(self._transport):
            return
        try:
            self._send(data, self.destination)
        except (OSError, RuntimeError, AttributeError) as error:
            log.debug("a datagram could not be sent: %r", error)


def is_relayed(raw: CandidatePair, other: CandidatePair) -> bool:
    """Tell whether `raw` goes through a TURN server of ours and `other` does not."""
    return raw.local_candidate.type == "relay" != other.local_candidate.type
