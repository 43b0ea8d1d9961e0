"""Whether another box registers with this one's instance, without I/O or clock.

A registrar keeps one contact for an instance and flow (RFC 5626 section 6), so two boxes with one instance take each
other's place at each refresh, and each is called half of the time. Neither hears of it: the answer to a REGISTER has
the contact that this one has just put there. So the registrar is asked what it has (RFC 3261 section 10.2.3) before the
first refresh over a connection, and before further ones as long as another box's contact stands in the place of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.signaling.sip.header_values import NameAddr
from agent.signaling.sip.message import SipResponse

TIMES: Final = 2  #: in a row, for once may be a process of this box that has not ended yet


class InstanceWatch:
    """Of one flow."""

    def __init__(self, flow: int) -> None:
        self.is_due = False  #: whether to ask before the next refresh
        self._flow = flow
        self._times = 0

    def begin(self) -> None:
        """Ask over a new connection."""
        self.is_due = True

    def saw(self, response: SipResponse, host: str, instance: str) -> bool:
        """Take what the registrar has; whether it is to be told now that another box has our place."""
        ours, alike = own_contacts(response, self._flow, host, instance)
        self.is_due = not ours and bool(alike)
        self._times = self._times + 1 if self.is_due else 0
        return self._times == TIMES


def own_contacts(
    response: SipResponse, flow: int, host: str, instance: str
) -> tuple[Sequence[NameAddr], Sequence[NameAddr]]:
    """Find, among those of all phones of the account, the contacts with our host, and those with our instance."""
    urn = f"<urn:uuid:{instance.lower()}>"
    by_host = [one for one in response.contacts if host.lower() in one.uri.lower()]
    by_instance = [one for one in response.contacts if (one.params.get("+sip.instance") or "").lower() == urn
                   and one.params.get("reg-id") in (None, str(flow))]  # fmt: skip
    return by_host, by_instance
