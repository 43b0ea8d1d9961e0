"""The REGISTER of a flow that waits for its answer."""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import ProtocolError
from agent.signaling.sip.message import SipRequest, SipResponse


@dataclass(frozen=True)
class PendingRegister:
    """One of them; times are monotonic seconds."""

    request: SipRequest
    is_leaving: bool
    tries: int  #: answers to challenges
    answer_by: float

    @property
    def is_question(self) -> bool:
        """Whether it only asks what the registrar has."""
        return "Contact" not in self.request.headers

    def is_answered_by(self, response: SipResponse) -> bool:
        """Tell whether this is its answer."""
        try:
            return response.cseq == self.request.cseq and response.call_id == self.request.call_id
        except ProtocolError:
            return False
