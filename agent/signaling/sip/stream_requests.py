"""What a program asks of its connection to a PBX; what only the voice service has is refused or means nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.effects import SipEffect
from agent.signaling.sip.user_agent import UserAgent


class ServiceWords:
    """What only the voice service has a meaning for."""

    #: a PBX names no region, no home of reports and no time that a token lives
    region = home = token_ttl_s = None

    def set_token(self, token: str) -> None:
        """Change nothing: there are no tokens."""

    def reconnect(self, sdp: str, callsid: str, reconnect_token: str) -> None:
        """Change nothing: calls outlive their connection by themselves."""

    def message(
        self, callsid: str | None, content: Any, content_type: str, message_type: str, voice_event_sid: str
    ) -> None:
        """Send nothing: a Device says before that there are no messages."""

    def prefer_current_uri(self) -> None:
        """Change nothing: each edge can find each call."""

    def forget_preferred_uri(self) -> None:
        """Change nothing."""


class SipRequests(ServiceWords, ABC):
    """Asks the core, and has the shell carry out what comes of it (agent.voice.protocols.SignalingStream)."""

    _agent: UserAgent

    #: a hang-up that finds no connection goes out over the next one
    keeps_hangups = True

    @abstractmethod
    def _ask(self, event: Callable[[UserAgent, float], Iterable[SipEffect]]) -> None: ...

    @property
    def gateway(self) -> str | None:
        """The host of the edge in use."""
        return self._agent.edge

    @property
    def edge(self) -> str | None:
        """The same."""
        return self._agent.edge

    @property
    def identity(self) -> str | None:
        """Our own address at the PBX."""
        return self._agent.writer.account.address_of_record

    @property
    def early_media(self) -> bool:
        """Whether `ringing` carries what the far end sends before it answers; a change is for calls that begin then."""
        return self._agent.calls.early_media

    @early_media.setter
    def early_media(self, wanted: bool) -> None:
        """Change it."""
        self._agent.calls.early_media = wanted

    def open(self) -> None:
        """Begin to connect, and return at once."""
        self._ask(lambda agent, now: agent.open(now))

    def destroy(self) -> None:
        """Hang up, sign off and close for good, and emit `offline`; idempotent, returns at once."""
        self._ask(lambda agent, now: agent.destroy(now))

    def use_account(self, account: SipAccount) -> None:
        """Go on with a changed account, registering at once; calls notice nothing.

        User, domain, edges and instance must be those of before: others are another stream.
        """
        self._ask(lambda agent, now: agent.use_account(account, now))

    def register(self, audio: bool) -> None:
        """Take calls or do not; a registration that stands is not made again."""
        self._ask(lambda agent, now: agent.register(audio, now))

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> None:
        """Start a call: `To` of the params is whom it is for, the others go along as `X-` headers."""
        self._ask(lambda agent, now: agent.calls.call(callsid, params, sdp, now))

    def answer(self, sdp: str, callsid: str) -> None:
        """Accept a pending call, or answer a new offer within a call."""
        self._ask(lambda agent, now: agent.calls.phase_of(callsid).answer(sdp, now))

    def reinvite(self, sdp: str, callsid: str) -> None:
        """Offer an ICE restart, as soon as it is our turn."""
        self._ask(lambda agent, now: agent.calls.phase_of(callsid).offer(sdp, now))

    def dtmf(self, callsid: str | None, digits: str) -> None:
        """Press keys by INFO."""
        self._ask(lambda agent, now: agent.calls.phase_of(callsid).press(digits, now))

    def hangup(self, callsid: str | None, message: str | None = None) -> None:
        """End a call, with the reason if there is one."""
        self._ask(lambda agent, now: agent.calls.phase_of(callsid).hang_up(message, now))

    def reject(self, callsid: str | None) -> None:
        """Refuse a pending call, with the status of the account."""
        status = self._agent.writer.account.reject_with
        self._ask(lambda agent, now: agent.calls.phase_of(callsid).reject(status, now))

    def decline(self, callsid: str | None, why: str) -> None:
        """Say that what was offered is not taken: `busy`, `do_not_disturb`, `too_many` or `unusable`."""
        self._ask(lambda agent, now: agent.calls.phase_of(callsid).decline(why, now))
