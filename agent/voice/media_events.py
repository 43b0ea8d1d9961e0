"""Turns what one media session reports into what it means for its call (spec: insights 4, recovery 2)."""

from __future__ import annotations

from typing import Any, Protocol

from agent.quality.candidate import candidate_payload
from agent.voice.protocols import Session
from agent.voice.recovery_driver import Recovering


class MediaEventOwner(Protocol):
    """The call that the session belongs to."""

    def media_is_closed(self) -> bool: ...

    def media_stable(self) -> None: ...

    def remote_audio(self, stream: Any) -> None: ...

    def digit_received(self, digit: str) -> None: ...

    def report(self, level: str, group: str, name: str, payload: dict[str, Any] | None = None) -> None: ...


class MediaEvents:
    """Subscribes to a session; each event is reported and then acted on, in the reference's order."""

    def __init__(self, session: Session, owner: MediaEventOwner, recovering: Recovering) -> None:
        self._owner = owner
        self._recovering = recovering
        self._dtls = "new"
        self.path: tuple[str | None, str | None] = (None, None)  #: addresses of the selected pair, ours first
        for event, handler in (
            ("signaling_state", self._signaling_state),
            ("ice_gathering_state", self._gathering_state),
            ("ice_connection_state", self._ice_state),
            ("connection_state", self._connection_state),
            ("dtls_state", self._dtls_state),
            ("candidate", self._candidate),
            ("selected_pair", self._selected_pair),
            ("track", owner.remote_audio),
            ("digit", owner.digit_received),
        ):
            session.on(event, self._while_open(handler))

    def _while_open(self, handler: Any) -> Any:
        def handle(*args: Any) -> None:
            if not self._owner.media_is_closed():
                handler(*args)

        return handle

    def _signaling_state(self, state: str) -> None:
        if state == "stable":
            self._owner.media_stable()
            self._recovering.negotiated()
        self._owner.report("DEBUG", "signaling-state", state)

    def _gathering_state(self, state: str) -> None:
        self._recovering.gathering_state(state)
        self._owner.report("DEBUG", "ice-gathering-state", state)

    def _ice_state(self, state: str) -> None:
        self._owner.report("ERROR" if state == "failed" else "DEBUG", "ice-connection-state", state)
        self._recovering.ice_state(state)

    def _connection_state(self, state: str) -> None:
        level = "DEBUG"
        if state == "failed":
            level = "ERROR" if self._dtls == "failed" else "WARNING"
        self._owner.report(level, "pc-connection-state", state)
        self._recovering.connection_state(state)

    def _dtls_state(self, state: str) -> None:
        self._dtls = state
        self._owner.report("ERROR" if state == "failed" else "DEBUG", "dtls-transport-state", state)

    def _candidate(self, candidate: Any) -> None:
        self._recovering.candidate()
        self._owner.report("DEBUG", "ice-candidate", "ice-candidate", _payload(candidate, is_remote=False))

    def _selected_pair(self, local: Any, remote: Any) -> None:
        self.path = (local.related_address or local.ip, remote.ip)
        pair = {
            "local_candidate": _payload(local, is_remote=False),
            "remote_candidate": _payload(remote, is_remote=True),
        }
        self._owner.report("DEBUG", "ice-candidate", "selected-ice-candidate-pair", pair)
        self._recovering.path_selected()


def _payload(candidate: Any, *, is_remote: bool) -> dict[str, Any]:
    return candidate_payload(
        type=candidate.type,
        ip=candidate.ip,
        port=candidate.port,
        priority=candidate.priority,
        protocol=candidate.protocol,
        related_address=candidate.related_address,
        related_port=candidate.related_port,
        tcp_type=candidate.tcp_type,
        sdp_mid=candidate.sdp_mid,
        is_remote=is_remote,
    )
