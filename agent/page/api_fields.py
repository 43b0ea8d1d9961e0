"""What a request of the HTTP interface may carry: fields of one JSON object, each declared and checked. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.log import excerpt
from agent.page.guard import Refusal

JSON = "application/json"
MOST_TEXT = 256
BAD = "400 Bad Request"


@dataclass(frozen=True)
class ApiField:
    """One field; `default` None: it must be given. The kinds are those of JSON Schema."""

    name: str
    kind: str  # string, number, integer or boolean
    help: str
    default: Any = None
    low: float = 0
    high: float = MOST_TEXT

    def check(self, value: Any) -> Any:
        """Return the value; Refusal, with its name, for what it must not be."""
        if not self._fits(value):
            raise Refusal(BAD, f"{self.name} must be {self._expected()}")
        return value

    def _fits(self, value: Any) -> bool:
        if self.kind == "boolean":
            return isinstance(value, bool)
        if self.kind == "string":
            if not isinstance(value, str) or not value.isprintable() or len(value) > self.high:
                return False
            return len(value.strip()) >= self.low
        is_number = isinstance(value, int if self.kind == "integer" else int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high

    def _expected(self) -> str:
        if self.kind == "boolean":
            return "true or false"
        if self.kind == "string":
            return f"a text of {self.low:g} to {self.high:g} characters that can be seen"
        return f"{'a whole' if self.kind == 'integer' else 'a'} number from {self.low:g} to {self.high:g}"


def read_body(kind: str, body: bytes) -> dict[str, Any]:
    """Read the JSON object of a request, of which an empty one is none; Refusal 415 or 400."""
    if not body:
        return {}
    if kind.partition(";")[0].strip().lower() != JSON:
        raise Refusal("415 Unsupported Media Type", f"send a JSON object as Content-Type: {JSON}")
    try:
        value = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):  # of a text that nests too deep
        raise Refusal(BAD, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise Refusal(BAD, "the body must be one JSON object, of fields")
    return value


def check_fields(fields: Sequence[ApiField], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check all fields and fill in those that are left out; Refusal names the first that is wrong."""
    known = [one.name for one in fields]
    if unknown := [name for name in given if name not in known]:
        expected = f"expected {', '.join(known)}" if known else "none is expected"
        raise Refusal(BAD, f"unknown field {excerpt(unknown[0])!r}; {expected}")
    values = {}
    for one in fields:
        if one.name not in given and one.default is None:
            raise Refusal(BAD, f"the field {one.name} is missing: {one.help}")
        values[one.name] = one.check(given[one.name]) if one.name in given else one.default
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _value in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise Refusal(BAD, f"the field {excerpt(twice[0])!r} is given twice")
    return dict(pairs)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
