"""Reads TwiML as strictly as its documentation describes it, for the verbs and nouns that a box's calls need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

WEBHOOK = {"url", "method", "statusCallback", "statusCallbackEvent", "statusCallbackMethod"}
VERBS = {
    "Dial": {"action", "answerOnBridge", "callerId", "hangupOnStar", "method", "record", "ringTone", "timeLimit",
             "timeout"},
    "Say": {"voice", "language", "loop"},
    "Play": {"loop", "digits"},
    "Pause": {"length"},
    "Redirect": {"method"},
    "Reject": {"reason"},
    "Hangup": set(),
}  # fmt: skip
NOUNS = {"Client": WEBHOOK, "Number": WEBHOOK | {"sendDigits"}}
MOST_CLIENTS = 10
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
IDENTITY = re.compile(r"[A-Za-z0-9_]{1,256}")  # what every SDK of the service takes
SECONDS = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True)
class Rung:
    """One who rings: a box with its parameters, or a phone."""

    whom: str
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One verb; of Dial, who rings, for how long, and where to ask what follows."""

    verb: str
    rung: tuple[Rung, ...] = ()
    timeout_s: int = 30
    is_answered_late: bool = False  # answerOnBridge: the caller's call is answered when somebody takes it
    caller_id: str = ""
    action: str = ""
    text: str = ""


def read_twiml(text: str) -> list[Step]:
    """The steps of a document; ValueError says what the service would not take."""
    root = ElementTree.fromstring(text)
    _want(root.tag == "Response" and not root.attrib, f"<{root.tag}> is no <Response>")
    return [_step(element) for element in root]


def _step(element: Element) -> Step:
    _want(element.tag in VERBS, f"<{element.tag}> is no verb")
    _attributes(element, VERBS[element.tag])
    if element.tag != "Dial":
        _want(len(element) == 0, f"<{element.tag}> holds elements")
        return Step(element.tag, text=(element.text or "").strip())
    return _dial(element)


def _dial(element: Element) -> Step:
    given = element.attrib
    timeout, bridge = given.get("timeout", "30"), given.get("answerOnBridge", "false")
    _want(SECONDS.fullmatch(timeout) is not None, f"timeout {timeout!r} is no number of seconds")
    _want(bridge in ("true", "false"), f"answerOnBridge {bridge!r} is neither true nor false")
    rung = tuple(map(_rung, element)) or (Rung(_number(element.text)),)
    _want(sum(one.whom.startswith("client:") for one in rung) <= MOST_CLIENTS, "more than ten clients")
    return Step("Dial", rung, int(timeout), bridge == "true", given.get("callerId", ""), given.get("action", ""))


def _rung(noun: Element) -> Rung:
    _want(noun.tag in NOUNS, f"<{noun.tag}> is no noun of <Dial>")
    _attributes(noun, NOUNS[noun.tag])
    if noun.tag == "Number":
        return Rung(_number(noun.text))
    names = [child.text for child in noun if child.tag == "Identity"] or [noun.text]
    _want(len(names) == 1 and {child.tag for child in noun} <= {"Identity", "Parameter"}, "<Client> names no client")
    name = (names[0] or "").strip()
    _want(IDENTITY.fullmatch(name) is not None, f"{name!r} is no identity for every SDK")
    return Rung(f"client:{name}", dict(_parameter(child) for child in noun if child.tag == "Parameter"))


def _parameter(element: Element) -> tuple[str, str]:
    _want(set(element.attrib) == {"name", "value"}, "<Parameter> has a name and a value")
    return element.attrib["name"], element.attrib["value"]


def _number(text: str | None) -> str:
    number = (text or "").strip()
    _want(NUMBER.fullmatch(number) is not None, f"{number!r} is no number with + and country")
    return number


def _attributes(element: Element, known: set[str]) -> None:
    unknown = set(element.attrib) - known
    _want(not unknown, f"<{element.tag}> has no attribute {', '.join(sorted(unknown))}")


def _want(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
