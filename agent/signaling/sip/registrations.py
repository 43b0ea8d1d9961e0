"""The registrations of one box, one over each flow, as one: whether anybody takes us, and why nobody does.

A box is registered while it is so over any flow. It is refused when nobody takes it over any connection that is open;
that is told once, and again when the registrar's answer is another one.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Collection, Iterable

from agent.signaling.sip.effects import RegistrationGranted, RegistrationRefused
from agent.signaling.sip.message import SipResponse
from agent.signaling.sip.registration import FlowRegistrationEffect, SipRegistration
from agent.signaling.sip.writer import MessageWriter


class Registrations:
    """All of them; every event returns what is to be done."""

    def __init__(
        self, flows: Iterable[int], writer: MessageWriter, *, random: Callable[[], float] = _random.random
    ) -> None:
        self.phones: frozenset[str] = frozenset()  #: that have this user, ourselves included, when we last registered
        self._of_flow = {number: SipRegistration(number, writer, random=random) for number in flows}
        self._refused: dict[int, RegistrationRefused] = {}  # by flow, since its last grant; the latest last
        self._told_status: int | None = None

    @property
    def is_registered(self) -> bool:
        """Whether somebody takes us."""
        return any(one.is_registered for one in self._of_flow.values())

    def want(self, present: bool, now: float) -> list[FlowRegistrationEffect]:
        """Take calls, or do not; said again, it changes nothing."""
        return [effect for one in self._of_flow.values() for effect in one.want(present, now)]

    def account_changed(self, now: float) -> list[FlowRegistrationEffect]:
        """Go on with what the account has now."""
        return [effect for one in self._of_flow.values() for effect in one.account_changed(now)]

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        times = (one.deadline() for one in self._of_flow.values())
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[FlowRegistrationEffect]:
        """Let time pass."""
        due = [one for one in self._of_flow.values() if (time := one.deadline()) is not None and now >= time]
        return [effect for one in due for effect in one.tick(now)]

    def flow_opened(self, flow: int, uri: str, now: float) -> list[FlowRegistrationEffect]:
        """Register over a new connection to the edge `uri`."""
        return self._of_flow[flow].flow_opened(uri, now)

    def flow_closed(self, flow: int) -> list[FlowRegistrationEffect]:
        """Note that this connection is gone."""
        return self._of_flow[flow].flow_closed()

    def answered(self, flow: int, response: SipResponse, now: float) -> list[FlowRegistrationEffect]:
        """Take the registrar's answer to a REGISTER over this flow."""
        return self._of_flow[flow].answered(response, now)

    def granted(self, granted: RegistrationGranted) -> None:
        """Note that somebody takes us."""
        self._refused.pop(granted.flow, None)
        self._told_status = None
        self.phones = granted.phones

    def refused(self, refused: RegistrationRefused) -> None:
        """Note that nobody takes us over this flow."""
        self._refused.pop(refused.flow, None)
        self._refused[refused.flow] = refused

    def hopeless(self, open_flows: Collection[int]) -> RegistrationRefused | None:
        """Return, once, why nobody takes us over any open connection; None while there is hope."""
        latest = next(reversed(self._refused.values()), None)
        is_hopeless = not self.is_registered and set(open_flows) <= self._refused.keys()
        if latest is None or not is_hopeless or latest.status == self._told_status:
            return None
        self._told_status = latest.status
        return latest
