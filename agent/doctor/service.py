"""Checks of the voice service: does it take what we are, does it take our token, can calls come."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from gevent.event import AsyncResult
from gevent.timeout import Timeout

from agent.doctor.checklist import Check, failed, ok
from agent.doctor.token import GetToken
from agent.errors import AgentError
from agent.log import excerpt
from agent.signaling.dismissals import OWN_CODES, Dismissals, follow
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.generation import GENERATIONS
from agent.signaling.pstream.names import MessageType
from agent.signaling.pstream.shell import Stream
from agent.signaling.refusals import DISMISSED, VERSION, Complaint, refusal_by_code, remedy_of
from agent.signaling.settings import SignalingSettings

ANSWER_S = 10.0
MOST_SAID = 160  # characters of the service's own words
NO_TOKEN = Complaint("token", "cannot be tried without a token", "mend the token first")
NO_ANSWER = Complaint("service", "no answer", "check [signaling] and the lines above")


@dataclass(frozen=True)
class Reception:
    """How the service has received us: at which address, and what is wrong, in its own words, unless all is well."""

    uri: str = ""
    complaint: Complaint | None = None
    said: str = ""

    @property
    def knows_us(self) -> bool:
        """Whether the service spoke with us; it may refuse the token, but not what we are."""
        return self.complaint not in (NO_TOKEN, NO_ANSWER, VERSION, DISMISSED)


def check_version(settings: SignalingSettings, get_token: GetToken, answer_s: float = ANSWER_S) -> Check:
    """Check whether the service speaks with clients of our generation; that it takes the token is another check."""
    reception = _introduce(settings, get_token, MessageType.CONNECTED, answer_s)
    if not reception.knows_us:
        return _refused("version", reception, settings.generation)
    wire = GENERATIONS[settings.generation]
    return ok("version", f"accepted: generation {wire.number} of the wire, as SDK {wire.sdk_version}")


def check_registration(settings: SignalingSettings, get_token: GetToken, answer_s: float = ANSWER_S) -> Check:
    """Check whether calls would come: registers for a moment, also beside an agent that is running."""
    reception = _introduce(settings, get_token, MessageType.READY, answer_s)
    if reception.complaint:
        return _refused("registration", reception, settings.generation)
    return ok("registration", f"registered at {reception.uri}: calls can come")


def _refused(name: str, reception: Reception, generation: str) -> Check:
    complaint = reception.complaint or NO_ANSWER
    return failed(name, reception.said or complaint.what, remedy_of(complaint, generation))


def _introduce(settings: SignalingSettings, get_token: GetToken, until: str, answer_s: float) -> Reception:
    """Connect, register where `ready` is wanted, and wait for that; no call is taken."""
    token = _token(get_token)
    if not token:
        return Reception(complaint=NO_TOKEN)
    wire = GENERATIONS[settings.generation]
    uris = signaling_uris(edge=settings.edges, chunderw=settings.server or None, generation=wire)
    stream = Stream(token, uris, generation=wire, ca_file=settings.ca_file or None)
    answer: AsyncResult[Reception] = AsyncResult()
    told: list[str] = []
    _listen(stream, until, answer, told)
    stream.open()
    try:
        reception: Reception = answer.get(timeout=answer_s)
        return reception
    except Timeout:
        silence = f"no answer from {stream.uri} within {answer_s:g} s"
        return Reception(stream.uri, NO_ANSWER, told[-1] if told else silence)
    finally:
        stream.destroy()
        stream.join(1.0)


def _listen(stream: Stream, until: str, answer: AsyncResult[Reception], told: list[str]) -> None:
    def end(complaint: Complaint | None = None, said: str = "") -> None:
        answer.set(Reception(stream.uri, complaint, said))

    def complain(payload: dict[str, Any]) -> None:
        error = payload.get("error", {})
        code, message = error.get("code"), excerpt(error.get("message") or "", MOST_SAID)
        told.append(f"{excerpt(code)}: {message}")
        if code not in OWN_CODES:
            end(refusal_by_code(code), told[-1])

    follow(stream, Dismissals(), time.monotonic, lambda: end(DISMISSED))
    stream.on(MessageType.CLOSE, lambda _payload: end(DISMISSED))
    stream.on(MessageType.ERROR, complain)
    if until == MessageType.READY:
        stream.on(MessageType.CONNECTED, lambda _payload: stream.register(True))
    stream.on(until, lambda _payload: end())


def _token(get_token: GetToken) -> str:
    try:
        return get_token()
    except (AgentError, OSError):
        return ""
