"""The arguments of `connect`, in the form of either SDK (spec: device 6; signaling 11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent.errors import InvalidArgumentError

_FORM: Final = {
    "params": "params",
    "rtcConfiguration": "rtc_configuration",
    "rtc_configuration": "rtc_configuration",
    "rtcConstraints": "rtc_constraints",
    "rtc_constraints": "rtc_constraints",
}


def connect_arguments(
    params: Mapping[str, Any] | None, audio_constraints: Any, rtc_configuration: Any
) -> tuple[Mapping[str, Any], Any, Any]:
    """Return parameters, constraints and configuration of a call; InvalidArgumentError for some of both forms.

    A mapping that names nothing but options, with a mapping for each, is the form of 2.x: parameters are texts.
    """
    if not params or not _is_later_form(params):
        return params or {}, audio_constraints, rtc_configuration
    if audio_constraints is not None or rtc_configuration is not None:
        raise InvalidArgumentError("argument params: give constraints and configuration inside it, or beside it")
    given = {_FORM[name]: value for name, value in params.items()}
    constraints = given.get("rtc_constraints", {}).get("audio")
    return given.get("params", {}), constraints, given.get("rtc_configuration")


def accept_arguments(audio_constraints: Any, rtc_configuration: Any) -> tuple[Any, Any]:
    """Return constraints and configuration of a call that is taken; 2.x gives both in one mapping."""
    first = audio_constraints
    if not (isinstance(first, Mapping) and first and "params" not in first and _is_later_form(first)):
        return audio_constraints, rtc_configuration
    given = {_FORM[name]: value for name, value in first.items()}
    return given.get("rtc_constraints", {}).get("audio"), given.get("rtc_configuration", rtc_configuration)


def _is_later_form(params: Mapping[str, Any]) -> bool:
    return all(name in _FORM and isinstance(value, Mapping) for name, value in params.items())
