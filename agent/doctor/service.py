"""Checks of the account: the token, and whether the voice service takes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gevent.event import AsyncResult
from gevent.timeout import Timeout

from agent.doctor.checklist import Check, failed, ok, warning
from agent.errors import AgentError
from agent.log import excerpt
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.shell import Stream
from agent.signaling.refusals import refusal_by_code
from agent.signaling.settings import SignalingSettings
from agent.signaling.token.access_token import token_validity

ENDS_SOON_S = 600
ANSWER_S = 10.0
CONNECTION_ERRORS = (31000, 31005, 31009)  # after these the stream tries again (spec: signaling)

GetToken = Callable[[], str]


def check_token(get_token: GetToken) -> Check:
    """Check whether a token can be had, and for how long it is good."""
    try:
        token = get_token()
    except (AgentError, OSError) as error:
        return failed("token", str(error), "see [token] in the settings")
    if not token:
        return failed("token", "there is none", "set [token] in the settings")
    validity = token_validity(token)
    if validity is None:
        return warning("token", "its end cannot be read", "fine if the service accepts it (the line below)")
    left_s = validity.expires_at - time.time()
    if left_s <= 0:
        return failed("token", f"ended {_duration(-left_s)} ago", "get a new one; check the clock")
    if left_s < ENDS_SOON_S:
        return warning("token", f"ends in {_duration(left_s)}", "fine if its source gives a new one in time")
    return ok("token", f"good for {_duration(left_s)}")


def check_registration(settings: SignalingSettings, get_token: GetToken, answer_s: float = ANSWER_S) -> Check:
    """Check whether the voice service accepts the token; takes no calls, and disturbs no agent that is running."""
    try:
        token = get_token()
    except (AgentError, OSError):
        token = ""
    if not token:
        return failed("registration", "cannot be tried without a token", "mend the token first")
    stream = Stream(token, signaling_uris(edge=settings.edges, chunderw=settings.server or None),
                    ca_file=settings.ca_file or None)  # fmt: skip
    answer: AsyncResult[Check] = AsyncResult()
    told: list[str] = []

    def refused(payload: dict[str, Any]) -> None:
        error = payload.get("error", {})
        code, message = error.get("code"), excerpt(error.get("message") or "", 160)
        told.append(f"{excerpt(code)}: {message}")
        if code not in CONNECTION_ERRORS:
            refusal = refusal_by_code(code)
            answer.set(failed("registration", told[-1], refusal.remedy))

    stream.on("connected", lambda payload: answer.set(ok("registration", f"accepted at {stream.uri}")))
    stream.on("error", refused)
    stream.open()
    try:
        check: Check = answer.get(timeout=answer_s)
        return check
    except Timeout:
        why = told[-1] if told else f"no answer from {stream.uri} within {answer_s:g} s"
        return failed("registration", why, "check [token] and the lines above")
    finally:
        stream.destroy()
        stream.join(1.0)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
