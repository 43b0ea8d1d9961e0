"""What a program asks of its signaling connection, and what it may know of the service (spec: signaling 7)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import LinkEffect, StreamEffect
from agent.signaling.pstream.messages import Payload


class StreamRequests(ABC):
    """Asks the core, and has the shell carry out what comes of it."""

    _pstream: PStream

    @abstractmethod
    def _run(self, effects: Iterable[LinkEffect | StreamEffect]) -> None: ...

    @property
    def gateway(self) -> str | None:
        """The gateway that the server last named."""
        return self._pstream.service.gateway

    @property
    def region(self) -> str | None:
        """The region that the server last named, in the server's words."""
        return self._pstream.service.region

    @property
    def edge(self) -> str | None:
        """The edge that the latest `connected` named."""
        return self._pstream.service.edge

    @property
    def home(self) -> str | None:
        """The home that the latest `connected` named; reports go there."""
        return self._pstream.service.home

    @property
    def identity(self) -> str | None:
        """The name under which the service knows us, as the latest `connected` said."""
        return self._pstream.service.identity

    @property
    def token_ttl_s(self) -> float | None:
        """How long the token lives, counted from the latest `connected`."""
        return self._pstream.service.token_ttl_s

    @property
    def token(self) -> str:
        """The token in use."""
        return self._pstream.token

    def open(self) -> None:
        """Begin to connect, and return at once."""
        self._run(self._pstream.open())

    def set_token(self, token: str) -> None:
        """Use this token from now on, and tell the server at once when connected."""
        self._run(self._pstream.set_token(token))

    def register(self, audio: bool) -> None:
        """Say whether this client takes calls."""
        self._run(self._pstream.register(audio))

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> None:
        """Start a call under its temporary sid; `params` as `encode_params` makes them."""
        self._run(self._pstream.invite(sdp, callsid, preflight, params))

    def reconnect(self, sdp: str, callsid: str, reconnect_token: str) -> None:
        """Take a call up again on this connection; not queued: each `connected` is the moment for a new one."""
        self._run(self._pstream.reconnect(sdp, callsid, reconnect_token))

    def answer(self, sdp: str, callsid: str) -> None:
        """Accept a pending call."""
        self._run(self._pstream.answer(sdp, callsid))

    def reinvite(self, sdp: str, callsid: str) -> None:
        """Offer an ICE restart; without a connection it is lost, not queued."""
        self._run(self._pstream.reinvite(sdp, callsid))

    def message(
        self,
        callsid: str | None,
        content: Any,
        content_type: str,
        message_type: str,
        voice_event_sid: str,
    ) -> None:
        """Send a program's own words to the other side of a call; `ack` or `error` answers under the event's sid."""
        self._run(self._pstream.message(callsid, content, content_type, message_type, voice_event_sid))

    def dtmf(self, callsid: str | None, digits: str) -> None:
        """Have the gateway press keys."""
        self._run(self._pstream.dtmf(callsid, digits))

    def hangup(self, callsid: str | None, message: str | None = None) -> None:
        """End a call, with the reason if there is one."""
        self._run(self._pstream.hangup(callsid, message))

    def reject(self, callsid: str | None) -> None:
        """Refuse a pending call."""
        self._run(self._pstream.reject(callsid))

    def publish(self, type_: str, payload: Payload) -> None:
        """Send any message; it waits for a connection if there is none. InvalidArgumentError: it cannot be sent."""
        self._run(self._pstream.publish(type_, payload))

    def prefer_current_uri(self) -> None:
        """Come back to the edge that serves us now, should the connection be lost: only there calls are known."""
        self._run(self._pstream.prefer_current_uri())

    def forget_preferred_uri(self) -> None:
        """Come back to any edge, should the connection be lost."""
        self._run(self._pstream.forget_preferred_uri())
