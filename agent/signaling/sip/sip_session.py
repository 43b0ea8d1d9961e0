"""A call that is answered: what the far end asks within it, and keys (RFC 3261 section 12.2, RFC 6086).

    BYE                  `session_end`
    INVITE, UPDATE       `session_offers`
    INFO                 a key
    a key of ours        INFO, one after the other
"""

from __future__ import annotations

from agent.signaling.sip.bodies import ACCEPTED
from agent.signaling.sip.call_phase import CallDesk, foreign, reply
from agent.signaling.sip.dialog import Arrival, Dialog
from agent.signaling.sip.effects import CallReport
from agent.signaling.sip.key_presses import PLAIN, RELAY, KeyPresses, key_of
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.session_offers import SessionOffers


class SipSession(SessionOffers):
    """One established dialog and its session."""

    def __init__(self, desk: CallDesk, sid: str, flow: int, dialog: Dialog, *, is_ours: bool) -> None:
        """`is_ours`: we have called."""
        super().__init__(desk, sid, flow, dialog, is_ours=is_ours)
        self._keys = KeyPresses()

    def _let_go(self, now: float) -> list[CallReport]:
        self._keys.clear()
        return super()._let_go(now)

    def _go_on(self, now: float) -> list[CallReport]:
        return [*super()._go_on(now), *self._press_next(now)]

    # What the far end asks

    def take(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Take a request of the far end."""
        arrival = self.dialog.arrived(request.cseq.number)
        if arrival is not Arrival.NEW:
            return [reply(self._desk, request, 482 if arrival is Arrival.AGAIN else 500, flow)]
        self.flow = flow
        match request.method:
            case "BYE":
                return [reply(self._desk, request, 200, flow), *self._ended(now)]
            case "INVITE" | "UPDATE":
                return self._offered(request, flow, now)
            case "INFO":
                return self._info(request, flow)
            case "OPTIONS":
                return [reply(self._desk, request, 200, flow, ACCEPTED)]
        return foreign(self._desk, request, flow)

    # Time

    def deadline(self) -> float | None:
        """Tell when `tick` is due."""
        if self._leaving is not None:
            return super().deadline()
        times = [self._turns.until]
        if self._has_way:
            times += [self._keys.due_at, self._turns.again_at if self._unacked is None else None]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[CallReport]:
        """Let time pass."""
        if self._leaving is not None:
            return super().tick(now)
        return [*self._overdue(now), *self._go_on(now)]

    # Keys

    def press(self, digits: str, now: float) -> list[CallReport]:
        """Press keys by INFO."""
        self._keys.add(digits, now)
        return self._press_next(now)

    def _info(self, request: SipRequest, flow: int) -> list[CallReport]:
        key = key_of(request)
        if key is None and request.body.strip():
            return [reply(self._desk, request, 415, flow, {"Accept": f"{RELAY}, {PLAIN}"})]
        told = [self._tell("digit", digit=key)] if key and self._leaving is None else []
        return [reply(self._desk, request, 200, flow), *told]

    def _press_next(self, now: float) -> list[CallReport]:
        if self._leaving is not None or not self._has_way:
            return []
        due = self._keys.next(now)
        if due is None:
            return []
        request = self.dialog.request(self._desk.writer, "INFO", body=due[1], body_type=due[0])
        return self._ask(request, self._pressed, self.dialog.renumber, now)[1]

    def _pressed(self, response: SipResponse, now: float) -> list[CallReport]:
        if response.status < 200:
            return []
        if response.status == 481:
            return self._ended(now)
        self._keys.answered(response.status, now)
        return self._press_next(now)
