"""A box as a SIP user agent: connections, registrations and calls as one core, without I/O or clock.

    no flow open      disconnected
    a flow open       connected       `transport_open`, `connected`
    registered        ready           `ready`, on whichever flow comes first
    not registered    offline         `offline`, as was asked; `connected` again where the registrar refuses us
    last flow lost    disconnected    `transport_close`, `offline`; calls go on
    `destroy`         offline, for ever

After each new connection every call is asked whether it is still there, once the box is registered over it.
"""

from __future__ import annotations

import logging
import random as _random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from agent.errors import InvalidArgumentError, ProtocolError
from agent.log import SeldomLog, excerpt
from agent.signaling.pstream.names import TRANSPORT_CLOSE, TRANSPORT_OPEN, MessageType
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.codes import INSTANCE_SHARED, registration_error
from agent.signaling.sip.effects import (
    CloseEdge,
    CloseFlows,
    DialEdge,
    FlowClosed,
    FlowFailed,
    FlowOpened,
    FlowReceived,
    InstanceShared,
    OpenFlows,
    RegistrationEnded,
    RegistrationGranted,
    RegistrationRefused,
    SendRegister,
    SendSip,
    SipEffect,
    SipOwnEffect,
    SipShellEffect,
    TellListeners,
    TellOfCall,
    WriteOnFlow,
    WriteText,
)
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.malformed import answerable
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from agent.signaling.sip.registrations import Registrations
from agent.signaling.sip.sip_calls import SipCalls
from agent.signaling.sip.writer import MessageWriter, new_token

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

PROBE_LATEST_S: Final = 5.0  #: after a new connection, also where no registration is granted over it


class UserAgent:
    """The whole of it; give each event's effects to `settle`, and what that returns to the shell."""

    def __init__(
        self,
        account: SipAccount,
        flows: Flows,
        *,
        early_media: bool = False,
        random: Callable[[], float] = _random.random,
        token: Callable[[], str] = new_token,
    ) -> None:
        """`early_media`: the program hears what the far end sends before it answers."""
        self.status = "disconnected"
        self.is_opened = False
        self.is_destroyed = False
        self.flows = flows
        self.writer = MessageWriter(account, token)
        self.calls = SipCalls(
            self.writer, self._flow_near, trusts=self._trusts, early_media=early_media, random=random
        )
        self.registrations = Registrations(flows.numbers, self.writer, random=random)
        self._open: list[int] = []  # flows, as far as they were told of
        self._probe_at: float | None = None

    @property
    def edge(self) -> str | None:
        """The host of the edge in use; None while there is none."""
        return urlsplit(self.flows[self._open[0]].uri).hostname if self._open else None

    # What the program wants

    def open(self, now: float) -> list[SipEffect]:
        """Connect; a destroyed one stays closed."""
        if self.is_destroyed:
            return []
        self.is_opened = True
        return [OpenFlows()]

    def register(self, present: bool, now: float) -> list[SipEffect]:
        """Take calls, or do not; said again, it changes nothing."""
        self.calls.takes_calls = present
        return [*self.registrations.want(present, now)]

    def use_account(self, account: SipAccount, now: float) -> list[SipEffect]:
        """Go on with another password, display name, headers or times; user, domain and edges must be the same."""
        self.writer.account = account
        return [] if self.is_destroyed else [*self.registrations.account_changed(now)]

    def destroy(self, now: float) -> list[SipEffect]:
        """Hang up, sign off and disconnect for good; idempotent."""
        if self.is_destroyed:
            return []
        last_words = [*self.calls.end_all(now), *self.register(False, now)]
        self.is_destroyed = True
        return [*last_words, CloseFlows(), TellListeners(MessageType.OFFLINE, {}, "offline", after_end=True)]

    # Time

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        times = [self.flows.deadline()]
        if not self.is_destroyed:
            times += [self.registrations.deadline(), self.calls.deadline(), self._probe_at]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[SipEffect]:
        """Let time pass."""
        effects: list[SipEffect] = [*self.flows.tick(now)]
        if self.is_destroyed:
            return effects
        effects += [*self.registrations.tick(now), *self.calls.tick(now)]
        return [*effects, *(self._probe(now) if self._probe_at is not None and now >= self._probe_at else [])]

    # What goes from one part to another

    def settle(self, effects: Iterable[SipEffect], now: float) -> list[SipShellEffect]:
        """Pass on what is for another part; all are in their new state then. What is left is for the shell."""
        left: list[SipShellEffect] = []
        due: deque[SipEffect] = deque(effects)
        while due:
            effect = due.popleft()
            match effect:
                case DialEdge() | WriteText() | CloseEdge():
                    left.append(effect)
                case TellListeners():
                    if not self.is_destroyed or effect.after_end:
                        left.append(effect)
                case _:
                    due.extendleft(reversed(self._pass_on(effect, now)))
        if self.is_destroyed:
            self.status = "offline"
        return left

    def _pass_on(self, words: SipOwnEffect, now: float) -> list[SipEffect]:
        match words:
            case TellOfCall(event, payload):
                return [self._tell(event, payload)]
            case SendSip(message, flow):
                return self._write(message, flow)
            case SendRegister(flow, request):
                return self._write(request, flow)
            case FlowReceived(flow, data):
                return self._received(flow, data, now)
            case FlowOpened() | FlowClosed() | FlowFailed():
                return self._flow_changed(words, now)
            case RegistrationGranted() | RegistrationEnded() | RegistrationRefused():
                return self._registration_changed(words, now)
            case InstanceShared():
                return [self._tell("error", {"error": INSTANCE_SHARED.error(self.writer.account.instance)})]
            case _:
                return [*self.flows.obey(words, now)]

    def _write(self, message: SipRequest | SipResponse, flow: int) -> list[SipEffect]:
        """Write it on its flow, or on another one; without any it is lost, and whoever waits for an answer knows."""
        way = self._flow_near(flow)
        if way is None:
            return []
        try:
            return [WriteOnFlow(way, write_message(message))]
        except InvalidArgumentError as exc:
            _strangers.warning("a SIP message could not be written: %s", excerpt(exc, 200))
            return []

    def _trusts(self, flow: int) -> bool:
        return self.flows[flow].uri in self.writer.account.trusted_edges

    def _flow_near(self, flow: int) -> int | None:
        return flow if flow in self._open else next(iter(self._open), None)

    def _tell(self, event: str, payload: dict[str, Any] | None = None, status: str | None = None) -> TellListeners:
        return TellListeners(event, {} if payload is None else payload, status or self.status)

    # Flows

    def _flow_changed(self, words: FlowOpened | FlowClosed | FlowFailed, now: float) -> list[SipEffect]:
        match words:
            case FlowOpened(flow, uri):
                return self._flow_opened(flow, uri, now)
            case FlowFailed(flow, error):
                is_alone = not self.is_destroyed and set(self._open) <= {flow}
                return [self._tell("error", {"error": error})] if is_alone else []
            case FlowClosed(flow):
                return self._flow_closed(flow, now) if flow in self._open else []

    def _flow_opened(self, flow: int, uri: str, now: float) -> list[SipEffect]:
        self._open = sorted({*self._open, flow})
        effects: list[SipEffect] = []
        if self.status == "disconnected":
            self.status = "connected"
            effects = [self._tell(TRANSPORT_OPEN), self._tell(MessageType.CONNECTED, {"gateway": self.edge})]
        if len(self.calls):
            self._probe_at = now + PROBE_LATEST_S
        return [*effects, *self.registrations.flow_opened(flow, uri, now), *self.calls.flows_changed(now)]

    def _flow_closed(self, flow: int, now: float) -> list[SipEffect]:
        self._open.remove(flow)
        before = self.status
        effects: list[SipEffect] = []
        ended = self.registrations.flow_closed(flow)
        if not self._open:
            self.status = "disconnected"
            effects.append(self._tell(TRANSPORT_CLOSE, status=before))
            if before not in ("disconnected", "offline"):
                effects.append(self._tell(MessageType.OFFLINE, status="offline"))
        else:
            effects += [*self._no_longer_ready(), *self._refusal()]
        return [*effects, *ended, *self.calls.flow_lost(flow, now)]

    # Registrations

    def _registration_changed(
        self, words: RegistrationGranted | RegistrationEnded | RegistrationRefused, now: float
    ) -> list[SipEffect]:
        match words:
            case RegistrationGranted():
                return self._granted(words, now)
            case RegistrationEnded():
                return self._no_longer_ready("offline")
            case RegistrationRefused():
                self.registrations.refused(words)
                return [*self._no_longer_ready(), *self._refusal()]

    def _refusal(self) -> list[SipEffect]:
        """Tell once why nobody takes us, when we are refused over all open connections."""
        refused = self.registrations.hopeless(self._open)
        if refused is None:
            return []
        return [self._tell("error", {"error": registration_error(refused.status, refused.reason)})]

    def _granted(self, granted: RegistrationGranted, now: float) -> list[SipEffect]:
        self.registrations.granted(granted)
        self.writer.gruu = granted.gruu or self.writer.gruu
        told: list[SipEffect] = []
        if self.status != "ready":
            self.status = "ready"
            told = [self._tell(MessageType.READY)]
        return [*told, *(self._probe(now) if self._probe_at is not None else [])]

    def _no_longer_ready(self, status: str = "connected") -> list[SipEffect]:
        if self.status != "ready" or self.registrations.is_registered:
            return []
        self.status = status
        return [self._tell(MessageType.OFFLINE, status="offline")]

    def _probe(self, now: float) -> list[SipEffect]:
        self._probe_at = None
        return [*self.calls.probe(now)]

    # Messages

    def _received(self, flow: int, data: str | bytes, now: float) -> list[SipEffect]:
        """Take one message of the edge; what cannot be used is dropped, and must not cost the connection."""
        try:
            message = parse_message(data)
        except ProtocolError as exc:
            return self._unreadable(flow, data, exc)
        try:
            return self._take(message, flow, now)
        except Exception:
            log.exception("a SIP message could not be taken")
            return []

    def _unreadable(self, flow: int, data: str | bytes, why: ProtocolError) -> list[SipEffect]:
        """Say so to whoever sent it, where that can be done."""
        found = answerable(data)
        done = "it is dropped" if found is None else f"it is answered with {found[1]}"
        _strangers.warning("a SIP message cannot be read: %s; %s", why, done)
        if found is None:
            return []
        return self._write(self.writer.response(*found, self.writer.token()), flow)

    def _take(self, message: SipRequest | SipResponse, flow: int, now: float) -> list[SipEffect]:
        if isinstance(message, SipRequest):
            return [*self.calls.take_request(message, flow, now)]
        if message.cseq.method == "REGISTER":
            return [*self.registrations.answered(flow, message, now)]
        return [*self.calls.take_response(message, now)]
