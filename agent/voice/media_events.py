"""Turns what one media session reports into what it means for its call (spec: insights 4, recovery 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.quality.candidate import candidate_payload
from agent.voice.protocols import MediaSessionPort, NegotiatingCall
from agent.voice.recovery_policy import Recovery
from agent.voice.states import Trigger


class MediaEvents:
    """Subscribes to a session; each event is reported and then acted on, in the reference's order."""

    def __init__(self, session: MediaSessionPort, call: NegotiatingCall, is_over: Callable[[], bool]) -> None:
        """Once `is_over()` nothing of the session is heard any more."""
        self._call = call
        self._is_over = is_over
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
            ("rtp_silence", lambda _age_ms: call.tell_recovery(Recovery.heard, False)),
            ("rtp_resumed", lambda: call.tell_recovery(Recovery.heard, True)),
            ("track", lambda stream: call.emit("audio", stream)),
            ("digit", lambda digit: call.emit("digit", digit)),
        ):
            session.on(event, self._while_open(handler))

    def _while_open(self, handler: Any) -> Any:
        def handle(*args: Any) -> None:
            if not self._is_over():
                handler(*args)

        return handle

    def _signaling_state(self, state: str) -> None:
        if state == "stable":
            self._call.fire(Trigger.STABLE)
            self._call.tell_recovery(Recovery.negotiated)
        self._call.report("DEBUG", "signaling-state", state)

    def _gathering_state(self, state: str) -> None:
        self._call.tell_recovery(Recovery.gathering_state, state)
        self._call.report("DEBUG", "ice-gathering-state", state)

    def _ice_state(self, state: str) -> None:
        self._call.report("ERROR" if state == "failed" else "DEBUG", "ice-connection-state", state)
        self._call.tell_recovery(Recovery.ice_state, state)

    def _connection_state(self, state: str) -> None:
        level = "DEBUG"
        if state == "failed":
            level = "ERROR" if self._dtls == "failed" else "WARNING"
        self._call.report(level, "pc-connection-state", state)
        self._call.tell_recovery(Recovery.connection_state, state)

    def _dtls_state(self, state: str) -> None:
        self._dtls = state
        self._call.report("ERROR" if state == "failed" else "DEBUG", "dtls-transport-state", state)

    def _candidate(self, candidate: Any) -> None:
        self._call.tell_recovery(Recovery.candidate)
        self._call.report("DEBUG", "ice-candidate", "ice-candidate", _payload(candidate, is_remote=False))

    def _selected_pair(self, local: Any, remote: Any) -> None:
        self.path = (local.related_address or local.ip, remote.ip)
        pair = {
            "local_candidate": _payload(local, is_remote=False),
            "remote_candidate": _payload(remote, is_remote=True),
        }
        self._call.report("DEBUG", "ice-candidate", "selected-ice-candidate-pair", pair)
        self._call.tell_recovery(Recovery.path_selected)


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
