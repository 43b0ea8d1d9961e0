"""What a button can do, as text in the settings: `accept`, `call:alice?room=lobby`, `digit:5`, `feedback:5`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from hw.errors import ActionError

PLAIN = (
    "accept",
    "reject",
    "ignore",
    "hang_up",
    "answer_or_hang_up",  # the one-button box
    "mute",
    "redial",
    "dial",
    "clear",
    "volume_up",
    "volume_down",
    "door",
    "do_not_disturb",
    "push_to_talk",
)
FORMS = {"call": "call:WHOM?NAME=VALUE&...", "bell": "bell:WHOM?NAME=VALUE&...", "digit": "digit:0 to digit:9",
         "feedback": "feedback:1 to feedback:5, feedback:2?issue=dropped-call"}
ISSUES = ("audio-latency", "choppy-audio", "dropped-call", "echo", "noisy-call", "one-way-audio")
END_PUSH_TO_TALK = "end_push_to_talk"


@dataclass(frozen=True)
class ButtonAction:
    """One thing to do: `target` is whom to call or the score, `parameters` go with the call or the feedback."""

    name: str
    target: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}:{self.target}" if self.target else self.name


def parse_action(text: str) -> ButtonAction:
    """Parse the action that `text` names; ActionError says what is possible."""
    name, colon, rest = text.strip().partition(":")
    if name in PLAIN and not colon:
        return ButtonAction(name)
    if name == "door":
        return ButtonAction(name, _door_name(text, rest))
    if name in PLAIN:
        raise ActionError(f"{text!r}: {name} takes nothing after it; write just {name!r}")
    if name not in FORMS:
        raise ActionError(_unknown(text, name))
    target, _, query = rest.partition("?")
    if any(c in ", \t" for c in target.strip()):
        raise ActionError(f"{text!r}: expected one name or number, without blanks and commas (%20 and %2C in a name)")
    action = ButtonAction(name, unquote(target.strip()), dict(_parameters(text, query)))
    _CHECKS[name](text, action)
    return action


def _parameters(text: str, query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ActionError(f"{text!r}: after the question mark write NAME=VALUE, several joined by &") from error


def _door_name(text: str, rest: str) -> str:
    if not rest.strip() or rest != rest.strip():
        raise ActionError(f"{text!r} names no door; write 'door:NAME', or 'door' where there is one")
    return rest


def _check_call(text: str, action: ButtonAction) -> None:
    if not action.target.removeprefix("client:"):
        raise ActionError(f"{text!r} does not say whom to call; write {FORMS[action.name]}")
    if "To" in action.parameters:
        raise ActionError(f"{text!r}: To is whom it calls, and stands before the question mark")


def _check_digit(text: str, action: ButtonAction) -> None:
    if len(action.target) != 1 or action.target not in "0123456789" or action.parameters:
        raise ActionError(f"{text!r} names no digit; write {FORMS['digit']}")


def _check_feedback(text: str, action: ButtonAction) -> None:
    if action.target not in ("1", "2", "3", "4", "5"):
        raise ActionError(f"{text!r} has no score from 1 (bad) to 5 (good); write {FORMS['feedback']}")
    if set(action.parameters) - {"issue"} or action.parameters.get("issue", ISSUES[0]) not in ISSUES:
        raise ActionError(f"{text!r}: only issue= can follow the score, with one of {', '.join(ISSUES)}")


_CHECKS = {"call": _check_call, "bell": _check_call, "digit": _check_digit, "feedback": _check_feedback}


def _unknown(text: str, name: str) -> str:
    word, _, rest = text.strip().partition(" ")
    if word in FORMS and rest:
        return f"{text!r} is no action; did you mean {f'{word}:{rest.strip()}'!r}?"
    near = difflib.get_close_matches(name.lower().replace("-", "_"), [*PLAIN, *FORMS], n=1, cutoff=0.5)
    hint = f"; did you mean {FORMS.get(near[0], near[0])!r}?" if near else ""
    return f"{text!r} is no action{hint} (actions: {', '.join(PLAIN)}, {', '.join(FORMS.values())})"
