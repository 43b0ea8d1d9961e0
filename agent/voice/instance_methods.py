"""Methods that say how they are meant, where a program calls them on the class, as the SDK's one shared Device was."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from agent.errors import InstanceNeededError

C = TypeVar("C", bound=type)


def of_instances(cls: C) -> C:
    """Let each public method of `cls` refuse with words to be called on the class."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_"):
            setattr(cls, name, _InstanceMethod(method))
    return cls


class _InstanceMethod:
    """A descriptor: on an object it is the method itself."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        functools.update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, thing: Any, owner: type) -> Callable[..., Any]:
        if thing is not None:
            bound: Callable[..., Any] = self._method.__get__(thing, owner)
            return bound
        return self._on_class(owner)

    def _on_class(self, owner: type) -> Callable[..., Any]:
        method = self._method

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], owner):
                return method(*args, **kwargs)
            kind, name = owner.__name__, method.__name__
            raise InstanceNeededError(f"{kind}.{name}() needs a {kind} of its own, because there is no shared one here:"
                                      f" make one, device = {kind}(token), and call device.{name}()")  # fmt: skip

        return call
