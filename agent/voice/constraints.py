"""Constraints of a capture in one form, however they are written.

W3C writes members, each with a value or with `exact` or `ideal`. Older programs, and the SDK's own pages, write
`optional` and `mandatory` with names of their time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_OLD_NAMES: Final = {
    "sourceId": "deviceId",
    "googEchoCancellation": "echoCancellation",
    "googNoiseSuppression": "noiseSuppression",
    "googAutoGainControl": "autoGainControl",
}
_GROUPS: Final = ("optional", "mandatory")


def modern(constraints: Any) -> dict[str, Any]:
    """Write constraints in today's form: what is `optional` is as if it had no `exact`, what is `mandatory` has one.

    Of `optional`, the first that names something wins; today's members win over both. True, False and None say nothing.
    """
    if not isinstance(constraints, Mapping):
        return {}
    found: dict[str, Any] = {}
    for wish in reversed(_listed(constraints.get("optional"))):
        found.update(_renamed(wish))
    found.update({name: {"exact": value} for name, value in _renamed(constraints.get("mandatory")).items()})
    found.update({name: value for name, value in constraints.items() if name not in _GROUPS})
    return found


def _listed(wishes: Any) -> list[Any]:
    return list(wishes) if isinstance(wishes, Sequence) and not isinstance(wishes, str) else []


def _renamed(group: Any) -> dict[str, Any]:
    if not isinstance(group, Mapping):
        return {}
    return {_OLD_NAMES.get(str(name), str(name)): value for name, value in group.items()}
