"""From what a program gives as `sip` to an account, with the UUID of this machine where it names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from agent.errors import InvalidArgumentError
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.instance import this_machine

_FIELDS = {field.name: field for field in fields(SipAccount)}
_NEEDED = [name for name, field in _FIELDS.items() if field.default is MISSING and field.default_factory is MISSING]


def with_account(options: Mapping[str, Any]) -> dict[str, Any]:
    """Make an account of the option `sip`, where it is a mapping; raises InvalidArgumentError."""
    given = options.get("sip")
    return {**options, "sip": _account(given)} if isinstance(given, Mapping) else dict(options)


def _account(given: Mapping[str, Any]) -> SipAccount:
    if unknown := sorted(map(str, given.keys() - _FIELDS.keys())):
        raise InvalidArgumentError(f"option sip: unknown {', '.join(unknown)}; known are {', '.join(sorted(_FIELDS))}")
    if missing := [name for name in _NEEDED if not given.get(name)]:
        raise InvalidArgumentError(f"option sip: without {' and '.join(missing)} nobody can register; give all of them")
    try:
        return SipAccount(**{
            **given,
            "edges": _several(given["edges"]),
            "trusted_edges": _several(given.get("trusted_edges") or ()),
            "instance": given.get("instance") or this_machine(),
        })  # fmt: skip
    except (TypeError, AttributeError):
        raise InvalidArgumentError("option sip: a value has another type than it needs; see docs/sip.md") from None


def _several(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
