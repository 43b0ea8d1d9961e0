"""The check of the access token: for whom is it, who signed it, what does it allow, how long does it live."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.config import Config
from agent.doctor.checklist import Check, failed, ok, warning
from agent.errors import AgentError
from agent.log import excerpt
from agent.signaling.token.access_token import token_validity
from agent.signaling.token.token_facts import CONTENT_TYPE, TokenFacts, read_facts

ENDS_SOON_S = 600
IDENTITY = re.compile(r"[A-Za-z0-9_]{1,121}")  # what the Twilio service promises to take
DIALS = frozenset(("call", "redial"))
MOST_TOLD = 160  # characters of one fact

GetToken = Callable[[], str]


@dataclass(frozen=True)
class TokenNeeds:
    """What this box needs of its token."""

    identity: str
    of_twilio: bool
    dials: bool

    @classmethod
    def by(cls, config: Config) -> TokenNeeds:
        """Read the settings."""
        actions = {action.name for button in config.buttons.values() for action in button.bindings().values()}
        return cls(config.box.identity, not config.signaling.server, not DIALS.isdisjoint(actions))


def check_token(get_token: GetToken, needs: TokenNeeds) -> Check:
    """Check whether a token can be had, and whether it is one that this box can use."""
    try:
        token = get_token()
    except (AgentError, OSError) as error:
        return failed("token", str(error), "see [token] in the settings")
    if not token:
        return failed("token", "there is none", "set [token] in the settings")
    validity = token_validity(token)
    if validity is None:
        return warning("token", "its end cannot be read", "fine if the service accepts it (the lines below)")
    return judge_token(read_facts(token), validity.expires_at - time.time(), needs)


def judge_token(facts: TokenFacts, left_s: float, needs: TokenNeeds) -> Check:
    """Judge what a token says of itself, `left_s` before its end: the worst of its faults, or what it is good for."""
    if left_s <= 0:
        return failed("token", f"ended {duration(-left_s)} ago", "get a new one; check the clock")
    for detail, remedy in _useless(facts, needs):
        return failed("token", detail, remedy)
    for detail, remedy in _doubtful(facts, left_s, needs):
        return warning("token", detail, remedy)
    return ok("token", f"{_in_words(facts)}, good for {duration(left_s)}")


def _useless(facts: TokenFacts, needs: TokenNeeds) -> Iterator[tuple[str, str]]:
    if not facts.has_voice:
        yield "it has no voice grant", "let what signs it add one: docs/twilio.md"
    if not facts.identity:
        yield "it names no identity", "let what signs it name the box: docs/twilio.md"
    if needs.of_twilio and (facts.content_type, facts.key_sid[:2], facts.account_sid[:2]) != (CONTENT_TYPE, "SK", "AC"):
        yield "it is no access token of the Twilio service", "sign it with an API key (SK...) of the account (AC...)"


def _doubtful(facts: TokenFacts, left_s: float, needs: TokenNeeds) -> Iterator[tuple[str, str]]:
    if facts.identity != needs.identity:
        yield (f"it is for {excerpt(facts.identity)}, and this box is {excerpt(needs.identity)}",
               "correct box.identity, or what [token] asks for: callers must use the token's name")  # fmt: skip
    if needs.of_twilio and not IDENTITY.fullmatch(facts.identity):
        yield (f"it is for {excerpt(facts.identity)}; the Twilio service promises calls to letters, digits and _ only",
               "rename the box, in box.identity and where its tokens come from, if it cannot be called")  # fmt: skip
    if not facts.lets_calls_in:
        yield "it lets no calls in", "let what signs it allow incoming calls, if this box shall be called"
    if needs.dials and not facts.application_sid:
        yield "it allows no calls out, and a button dials", "set application_sid in [token], or in its key file"
    if left_s < ENDS_SOON_S:
        yield f"ends in {duration(left_s)}", "fine if its source gives a new one in time"


def _in_words(facts: TokenFacts) -> str:
    told = [f"for {facts.identity}", f"signed by {facts.key_sid or 'nobody it names'}"]
    told += ["takes calls"] if facts.lets_calls_in else []
    told += [f"calls through {facts.application_sid}"] if facts.application_sid else ["calls nobody"]
    return ", ".join(excerpt(fact, MOST_TOLD) for fact in told)


def duration(seconds: float) -> str:
    """Say a time of at least two of the unit that it is told in."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
