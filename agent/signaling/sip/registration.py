"""The registration of one flow, without I/O or clock (RFC 3261 section 10, RFC 5626, RFC 5627).

    event                      what happens
    wanted, and the flow open  REGISTER with instance, reg-id and the time that we ask for
    401, 407                   the same once more, with an answer; from then on an answer goes along at once
    200                        granted: the GRUU, the time; again at 0.8 of it
    423                        once more, with the time that the registrar wants
    439                        once more, as a plain registration without outbound (RFC 5626 section 11.6)
    408, 5xx, no answer        another edge; each edge rests after it failed, longer each time, or as Retry-After says
    a new connection           before its first refreshes, what the registrar has: another box's contact?
    401 twice, 403, any other  refused: told once, tried again after a minute or more, longer each time
    not wanted any more        REGISTER for no time; however that ends, it is over

One request is under way at a time. What is waited for does not get shorter by a new connection, so no order of losses
and refusals makes a loop. Effects: SendRegister, RegistrationGranted, RegistrationEnded, RegistrationRefused and
InstanceShared for the user agent; KeepAlive and LeaveEdge for the flow.
"""

from __future__ import annotations

import logging
import random as _random
from collections.abc import Callable
from typing import Final, TypeAlias

from agent.errors import CredentialsError, ProtocolError
from agent.log import FailureLog, excerpt
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.digest import DigestClient
from agent.signaling.sip.effects import (
    InstanceShared,
    KeepAlive,
    LeaveEdge,
    RegistrationEnded,
    RegistrationGranted,
    RegistrationRefused,
    RegistrationReport,
    SendRegister,
)
from agent.signaling.sip.header_values import NameAddr, read_address, read_seconds
from agent.signaling.sip.instance_watch import InstanceWatch, own_contacts
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.pending_register import PendingRegister
from agent.signaling.sip.quoting import quoted
from agent.signaling.sip.rests import Rests
from agent.signaling.sip.writer import MessageWriter

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0
REFRESH_SHARE: Final = (0.75, 0.8)  #: of the time granted; not all boxes of a site at once
LEAST_REFRESH_S: Final = 5.0
MOST_REFRESH_S: Final = 86_400.0
MOST_BRIEF: Final = 3  #: times that a registrar may ask for more time in a row

FlowRegistrationEffect: TypeAlias = RegistrationReport | KeepAlive | LeaveEdge


class SipRegistration:
    """The state machine; every event returns what is to be done."""

    def __init__(
        self, flow: int, writer: MessageWriter, *, random: Callable[[], float] = _random.random
    ) -> None:
        self.flow = flow  #: its reg-id
        self.is_registered = False
        self._writer = writer
        self._digest = DigestClient(writer.account.user, lambda: writer.account.password())
        self._random = random
        self._call_id = writer.token()
        self._tag = writer.token()
        self._number = 0
        self._is_wanted = False
        self._uri: str | None = None  # of the edge; None: no connection
        self._expires_s = writer.account.expires_s
        self._is_outbound = True
        self._pending: PendingRegister | None = None
        self._refresh_at: float | None = None
        self._rests = Rests(random)
        self._watch = InstanceWatch(flow)
        self._told: int | None = None
        self._brief = 0  # times in a row that we asked for too little
        self._failures = FailureLog(log, "registering at the PBX")

    @property
    def _account(self) -> SipAccount:
        return self._writer.account

    @property
    def host(self) -> str:
        """The name of this flow in its Contact, so that a registrar without outbound keeps two flows apart."""
        return f"flow{self.flow}.{self._writer.host}"

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        if self._pending is not None:
            return self._pending.answer_by
        if self._uri is None or not self._is_wanted:
            return None
        return self._refresh_at if self.is_registered else self._rests.end(self._uri)

    def tick(self, now: float) -> list[FlowRegistrationEffect]:
        """Let time pass: give up an answer, refresh, try again."""
        if self._pending is not None:
            if now < self._pending.answer_by:
                return []
            is_leaving, self._pending = self._pending.is_leaving, None
            return self._failed(408, f"no answer within {ANSWER_S:g} s", is_leaving, None, now)
        if self.is_registered and self._is_wanted and self._refresh_at is not None and now >= self._refresh_at:
            return self._ask(now, is_question=self._watch.is_due)
        return self._settle(now)

    # What the user agent says

    def want(self, present: bool, now: float) -> list[FlowRegistrationEffect]:
        """Register, or sign off; nothing happens when that is so or under way already.

        Where there is nothing to take back RegistrationEnded comes at once.
        """
        self._is_wanted = present
        if not present and not self.is_registered and self._pending is None:
            return [RegistrationEnded(self.flow)]
        return self._settle(now)

    def flow_opened(self, uri: str, now: float) -> list[FlowRegistrationEffect]:
        """Register over the new connection."""
        self._uri = uri
        self._watch.begin()
        return self._settle(now)

    def flow_closed(self) -> list[FlowRegistrationEffect]:
        """Forget what the connection carried; a registration that was to end has ended with it."""
        was_ending = not self._is_wanted and (self.is_registered or self._pending is not None)
        self._uri = self._pending = self._refresh_at = None
        self.is_registered = False
        return [RegistrationEnded(self.flow)] if was_ending else []

    def answered(self, response: SipResponse, now: float) -> list[FlowRegistrationEffect]:
        """Take a response to REGISTER that came over this flow; one to anything else means nothing."""
        pending = self._pending
        if pending is None or response.status < 200 or not pending.is_answered_by(response):
            return []
        self._pending = None
        if response.status in (401, 407):
            return self._challenged(pending, response, now)
        if pending.is_question:
            return [*self._seen(response), *self._ask(now)]
        if response.status < 300:
            return self._granted(pending, response, now)
        return self._again(response, now) or self._failed(
            response.status, excerpt(response.phrase), pending.is_leaving,
            read_seconds(response.headers.first("Retry-After")), now,
        )  # fmt: skip

    def account_changed(self, now: float) -> list[FlowRegistrationEffect]:
        """Ask anew at once: what was refused may be right now, and what was granted went by another name."""
        self._rests.clear()
        self._told = None
        self._expires_s = self._account.expires_s
        is_leaving = self._pending is not None and self._pending.is_leaving
        if self._uri is None or not self._is_wanted or is_leaving:
            return []
        return self._ask(now)

    # Within

    def _settle(self, now: float) -> list[FlowRegistrationEffect]:
        """Ask for what is wanted and not so yet, when it is time for it."""
        if self._uri is None or self._pending is not None or self._is_wanted == self.is_registered:
            return []
        return self._ask(now) if not self._is_wanted or now >= self._rests.end(self._uri) else []

    def _ask(self, now: float, *, is_question: bool = False) -> list[FlowRegistrationEffect]:
        """Send a REGISTER of its own; one that is a question changes nothing."""
        self._number += 1
        account = self._account
        aor = account.address_of_record
        ends = (NameAddr(aor, account.display_name).tagged(self._tag), NameAddr(aor))
        request = self._writer.request(
            "REGISTER", f"sip:{account.domain}", ends, self._call_id, self._number,
            more={} if is_question else self._lines(self._is_wanted),
        )
        request = SipRequest(request.method, request.uri, self._digest.anticipate(request))
        return self._send(request, not self._is_wanted, 0, now)

    def _lines(self, is_wanted: bool) -> dict[str, str]:
        """Write Contact and what belongs to it (RFC 5626 section 4.2, RFC 5627 section 4.2)."""
        expires_s = self._expires_s if is_wanted else 0
        user = self._account.address_of_record.removeprefix("sip:").rpartition("@")[0]
        reg_id = f";reg-id={self.flow}" if self._is_outbound else ""
        instance = quoted(f"<urn:uuid:{self._account.instance}>")
        contact = f"<sip:{user}@{self.host};transport=ws>{reg_id};+sip.instance={instance};expires={expires_s}"
        supported = "path, outbound, gruu" if self._is_outbound else "path, gruu"
        return {"Contact": contact, "Expires": str(expires_s), "Supported": supported}

    def _send(self, request: SipRequest, is_leaving: bool, tries: int, now: float) -> list[FlowRegistrationEffect]:
        self._number = request.cseq.number
        self._pending = PendingRegister(request, is_leaving, tries, now + ANSWER_S)
        return [SendRegister(self.flow, request)]

    def _seen(self, response: SipResponse) -> list[FlowRegistrationEffect]:
        """Look at what the registrar has; one that does not tell is asked no more often than others."""
        is_news = self._watch.saw(response, self.host, self._account.instance)
        return [InstanceShared(self.flow)] if is_news else []

    def _challenged(self, pending: PendingRegister, response: SipResponse, now: float) -> list[FlowRegistrationEffect]:
        try:
            headers = self._digest.answer(pending.request, response, pending.tries)
        except CredentialsError as exc:
            return self._failed(response.status, str(exc), pending.is_leaving, None, now)
        again = self._writer.renewed(pending.request, headers)
        return self._send(again, pending.is_leaving, pending.tries + 1, now)

    def _again(self, response: SipResponse, now: float) -> list[FlowRegistrationEffect]:
        """Ask once more for what the registrar would grant; nothing where that is not to be had."""
        least_s = read_seconds(response.headers.first("Min-Expires"))
        if response.status == 423 and least_s is not None and self._expires_s < least_s <= MOST_REFRESH_S:
            self._brief += 1
            self._expires_s = least_s
            return self._ask(now) if self._brief <= MOST_BRIEF else []
        if response.status == 439 and self._is_outbound:
            self._is_outbound = False
            return self._ask(now)
        return []

    def _granted(self, pending: PendingRegister, response: SipResponse, now: float) -> list[FlowRegistrationEffect]:
        if pending.is_leaving:
            self.is_registered, self._refresh_at = False, None
            return [RegistrationEnded(self.flow), *self._settle(now)]
        mine = self._own_contact(response)
        granted_s = self._time_granted(response, mine)
        if granted_s <= 0:
            return self._failed(response.status, "it was granted for no time", False, None, now)
        self.is_registered, self._told = True, None
        self._rests.clear()
        self._brief = 0
        self._failures.recovered()
        self._refresh_at = now + min(max(granted_s * self._draw(REFRESH_SHARE), LEAST_REFRESH_S), MOST_REFRESH_S)
        flow_timer_s = read_seconds(response.headers.first("Flow-Timer"))
        timer = None if flow_timer_s is None else float(flow_timer_s)
        phones = frozenset((one.params.get("+sip.instance") or one.uri).lower() for one in response.contacts)
        granted = RegistrationGranted(self.flow, granted_s, _gruu(mine), timer, phones)
        return [granted, KeepAlive(self.flow, timer), *self._settle(now)]

    def _own_contact(self, response: SipResponse) -> NameAddr | None:
        """Find our binding among those of all phones of the account: by its host, else by instance and reg-id."""
        by_host, by_instance = own_contacts(response, self.flow, self.host, self._account.instance)
        return next(iter(by_host or by_instance), None)

    def _time_granted(self, response: SipResponse, mine: NameAddr | None) -> float:
        of_mine = read_seconds(mine.params.get("expires")) if mine is not None else None
        for_all = read_seconds(response.headers.first("Expires"))
        return float(next(time for time in (of_mine, for_all, self._expires_s) if time is not None))

    def _failed(
        self, status: int, reason: str, is_leaving: bool, retry_after_s: int | None, now: float
    ) -> list[FlowRegistrationEffect]:
        self.is_registered, self._refresh_at = False, None
        if is_leaving:
            return [RegistrationEnded(self.flow), *self._settle(now)]
        uri = self._uri or ""
        self._failures.failed(f"{uri} says {status}: {reason}")
        is_of_edge = status == 408 or 500 <= status < 600
        self._brief = 0
        self._rests.begin(uri if is_of_edge else None, retry_after_s, now)
        told = [] if status == self._told else [RegistrationRefused(self.flow, status, reason)]
        self._told = status
        is_left = is_of_edge and (status == 408 or len(set(self._account.edges)) > 1)
        return [*told, *([LeaveEdge(self.flow, f"registering: {status} {reason}")] if is_left else ())]

    def _draw(self, share: tuple[float, float]) -> float:
        return share[0] + (share[1] - share[0]) * self._random()


def _gruu(mine: NameAddr | None) -> str | None:
    """Return the public GRUU, if it is a URI."""
    gruu = mine.params.get("pub-gruu") if mine is not None else None
    try:
        return read_address(f"<{gruu}>").uri if gruu else None
    except ProtocolError:
        return None
