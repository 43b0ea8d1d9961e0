"""Turns one TOML value into what a field's type annotation promises, or says what was expected instead."""

from __future__ import annotations

import datetime as dt
import difflib
import enum
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.config.secrecy import looks_secret
from hw.errors import SettingError

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: 'a text in "quotation marks"'}


class Secret(str):
    """A text that does not show itself: its `repr`, and so that of every dataclass with it, hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


class Mismatch(ValueError):
    """A value does not fit; the message says what was expected."""


def convert(value: Any, hint: Any, metadata: Mapping[str, Any], folder: Path) -> Any:
    """Convert `value` to the type `hint` within the limits of `metadata`; raises `Mismatch` or `SettingError`."""
    hint = without_none(hint)
    if alternatives := _alternatives(hint):
        return _first_fit(value, alternatives, metadata, folder)
    if typing.get_origin(hint) in (tuple, frozenset, list):
        return _convert_list(value, hint, metadata, folder)
    if typing.get_origin(hint) is typing.Literal:
        return _choose(value, typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(_choose(value, [member.value for member in hint]))
    return _limit(_plain(value, hint, metadata), metadata, folder)


def show(value: Any) -> str:
    """Write `value` as it may have been written in the file, shortened."""
    if isinstance(value, str) and looks_secret(value):
        return "this value"
    if isinstance(value, bool):
        return str(value).lower()
    is_time = isinstance(value, dt.date | dt.time)
    text = value.isoformat() if is_time else repr(value).replace("'", '"')
    return text if len(text) <= 60 else text[:57] + "..."


def without_none(hint: Any) -> Any:
    """Return `X` for `X | None`: a file cannot say None, it leaves the key out."""
    if _is_union(hint):
        arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
        if len(arms) == 1:
            return arms[0]
    return hint


def mapping_type(hint: Any) -> Any:
    """Return `X` for `Mapping[str, X]` and `dict[str, X]`, else None."""
    origin = typing.get_origin(hint)
    return typing.get_args(hint)[1] if isinstance(origin, type) and issubclass(origin, Mapping) else None


def item_type(hint: Any) -> Any:
    """Return `X` for `tuple[X, ...]`, else None."""
    arms = typing.get_args(hint)
    return arms[0] if typing.get_origin(hint) is tuple and len(arms) == 2 and arms[1] is Ellipsis else None


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return tuple(arm for arm in typing.get_args(hint) if arm is not type(None)) if _is_union(hint) else ()


def _first_fit(value: Any, hints: Sequence[Any], metadata: Mapping[str, Any], folder: Path) -> Any:
    expected = []
    for hint in hints:
        try:
            return convert(value, hint, metadata, folder)
        except Mismatch as error:
            expected.append(str(error))
    raise Mismatch(" or ".join(expected))


def _convert_list(value: Any, hint: Any, metadata: Mapping[str, Any], folder: Path) -> Any:
    origin, arms = typing.get_origin(hint), typing.get_args(hint)
    fixed = origin is tuple and arms[-1] is not Ellipsis
    if not isinstance(value, list) or (fixed and len(value) != len(arms)):
        raise Mismatch(f"a list of {len(arms)} items [...]" if fixed else "a list [...]")
    hints = arms if fixed else [arms[0]] * len(value)
    try:
        return origin(convert(item, hint, metadata, folder) for item, hint in zip(value, hints, strict=True))
    except Mismatch as error:
        raise Mismatch(f"a list, and in it {error}") from None


def _choose(value: Any, choices: Sequence[Any], meant: Mapping[str, str] | None = None) -> Any:
    if value in choices and type(value) in {type(choice) for choice in choices}:
        return value
    word = str(value).strip().lower()
    near = [meant[word]] if meant and word in meant else _near(word, [str(choice) for choice in choices])
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise Mismatch("one of " + ", ".join(show(choice) for choice in choices) + hint)


def _near(word: str, choices: Sequence[str]) -> list[str]:
    """The choice that is spelled like `word`; half of two letters is no likeness."""
    cutoff = 0.5 if len(word) > 3 else 0.6
    return difflib.get_close_matches(word, choices, n=1, cutoff=cutoff)


def _plain(value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    if hint is float and type(value) is int:
        value = float(value)
    # A bool is an int to Python, but not to the one who writes the file.
    fits = hint is Any or type(value) is hint or (hint is str and isinstance(value, str))
    if not fits or (hint is float and not math.isfinite(value)):
        raise Mismatch(_NAMES.get(hint, str(hint)) + _range(metadata))
    return Secret(value) if metadata.get("secret") and hint is str else value


def _limit(value: Any, metadata: Mapping[str, Any], folder: Path) -> Any:
    if "choices" in metadata:
        return _choose(value, tuple(metadata["choices"]), metadata.get("meant", {}))
    low, high = metadata.get("min"), metadata.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        raise Mismatch(_NAMES[type(value)] + _range(metadata))
    longest = metadata.get("max_length")
    if longest is not None and len(value) > longest:
        raise Mismatch(f"at most {longest} characters")
    if len(value if isinstance(value, str) else "") < metadata.get("min_length", 0):
        raise Mismatch(f"a text of at least {metadata['min_length']} characters" if metadata["min_length"] > 1 else
                       "a text that is not empty")  # fmt: skip
    return _check_kind(value, metadata["kind"], folder) if "kind" in metadata else value


def _check_kind(value: Any, name: str, folder: Path) -> Any:
    from agent.config.kinds import KINDS  # of all that a box can do; few keys have one

    if name not in KINDS:  # it says something else of the key
        return value
    try:
        return KINDS[name](value, folder)
    except SettingError:
        raise
    except ValueError as error:
        raise Mismatch(str(error)) from None


def _range(metadata: Mapping[str, Any]) -> str:
    low, high = metadata.get("min"), metadata.get("max")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return f" of at most {high}" if high is not None else ""
