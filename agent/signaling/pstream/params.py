"""Call parameters as text, for both ends: the way they travel in `invite` frames (spec: signaling 7, connection 1)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from agent.errors import InvalidArgumentError

MAX_PARAMS_CHARS = 16 * 1024  #: leaves room for a description in the same frame

_NOT_ESCAPED = "!~*'()"  # with letters, digits and "-_." what encodeURIComponent leaves alone
_INTEGER_KEY = re.compile(r"0|[1-9]\d{0,9}")
_MAX_INTEGER_KEY = 2**32 - 2


class Undefined:
    """The value of a parameter that was named but never given; sent as the word `undefined`."""

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED = Undefined()


def js_string(value: object) -> str:
    """Write a parameter's value in the SDK's notation: True is `true`, None is `null`, 2.0 is `2`, [1, 2] is `1,2`."""
    if value is None:
        return "null"
    if isinstance(value, Undefined):
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _js_number(value)
    if isinstance(value, Mapping):
        return "[object Object]"
    if isinstance(value, list | tuple):
        return ",".join("" if each is None or isinstance(each, Undefined) else js_string(each) for each in value)
    return str(value)


def named_params(params: Mapping[Any, object]) -> dict[str, object]:
    """Name parameters by strings, as a JavaScript object does with numbers; InvalidArgumentError for other names."""
    for name in params:
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise InvalidArgumentError(f"a parameter cannot be named {name!r}; give a string")
    return {str(name): value for name, value in params.items()}


def encode_params(params: Mapping[str, object]) -> str:
    """Write `{"To": "bob", "x": 1}` as `To=bob&x=1`, percent-encoded UTF-8; InvalidArgumentError when too much."""
    text = "&".join(f"{_escape(key)}={_escape(js_string(params[key]))}" for key in _in_wire_order(params))
    if len(text) > MAX_PARAMS_CHARS:
        raise InvalidArgumentError(f"the parameters have {len(text)} characters as they are sent, more than"
                                   f" {MAX_PARAMS_CHARS}; send fewer or shorter ones")  # fmt: skip
    return text


@dataclass(frozen=True)
class EncodedParam:
    """One parameter as it was sent: the key as it is, the value decoded, and the text of both."""

    key: str
    value: str
    text: str


def read_params(text: str | None) -> list[EncodedParam]:
    """Read the parameters in `text`, in their order; one without a key is left out.

    A value whose percent-encoding is broken is kept literally, so that one bad parameter costs no call.
    """
    params = []
    for pair in (text or "").split("&"):
        key, *rest = pair.split("=")
        if key:
            params.append(EncodedParam(key, _unescape(rest[0]) if rest else "", pair))
    return params


def decode_params(text: str | None) -> dict[str, str]:
    """Read the parameters of an incoming call; keys stay as they are, values are decoded, the last of a key wins."""
    return {param.key: param.value for param in read_params(text)}


def _js_number(number: float) -> str:
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else f"{'-' * (number < 0)}Infinity"
    if number == 0:
        return "0"
    if 1e-6 <= abs(number) < 1e21:
        return f"{Decimal(repr(number)).normalize():f}"
    return re.sub(r"e([+-])0*", r"e\1", repr(number))


def _in_wire_order(params: Mapping[str, object]) -> list[str]:
    """Integer-like keys first and ascending, then the others as given: the order of a JavaScript object."""
    integers = {key for key in params if _INTEGER_KEY.fullmatch(key) and int(key) <= _MAX_INTEGER_KEY}
    return sorted(integers, key=int) + [key for key in params if key not in integers]


def _escape(text: str) -> str:
    return quote(text, safe=_NOT_ESCAPED, errors="replace")


def _unescape(text: str) -> str:
    spaced = text.replace("+", " ")
    if re.search(r"%(?![0-9A-Fa-f]{2})", spaced):
        return text
    try:
        return unquote(spaced, errors="strict")
    except UnicodeDecodeError:
        return text
