"""The set of speakers that some of a Device's sounds go to (spec: device 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agent.errors import InvalidArgumentError, InvalidStateError, NotSupportedError

DEFAULT = "default"

Devices = Mapping[str, dict[str, str]]


class OutputDevices:
    """A choice among the available devices; never empty while there is any."""

    def __init__(
        self,
        available: Callable[[], Devices],
        apply: Callable[[list[str]], None] | None,
        test: Callable[[], None],
    ) -> None:
        """`apply` carries a choice out; None where the sound device knows no choice."""
        self._available = available
        self._apply = apply
        self._test = test
        self._chosen = [DEFAULT]

    def get(self) -> set[str]:
        """Return the names of the chosen devices."""
        return set(self._chosen)

    def set(self, devices: str | Iterable[str]) -> None:
        """Use these devices; when one is unknown nothing changes.

        Raises NotSupportedError, or InvalidArgumentError naming what there is.
        """
        if self._apply is None:
            raise NotSupportedError("this sound device has no choice of speakers")
        wanted = [devices] if isinstance(devices, str) else list(devices)
        unknown = [name for name in wanted if name not in self._available()]
        if not wanted or unknown:
            raise InvalidArgumentError(
                f"argument devices: {unknown or 'nothing'} cannot be used; there is {', '.join(self._available())}"
            )
        self._apply(wanted)
        self._chosen = wanted

    def delete(self, device: str) -> bool:
        """Use a device no more; when none is left, the default or the first one takes its place."""
        was_chosen = device in self._chosen
        left = [name for name in self._chosen if name != device] or self._fallback()
        if self._apply is not None:
            self._apply(left)
        self._chosen = left
        return was_chosen

    def test(self) -> None:
        """Play a sound on the chosen devices; raises InvalidStateError when there are none."""
        if not self._chosen:
            raise InvalidStateError("there is no speaker to test; choose one with set()")
        self._test()

    def drop_lost(self) -> list[str]:
        """Drop what is no longer available; returns the names dropped."""
        gone = [name for name in self._chosen if name not in self._available()]
        for name in gone:
            self.delete(name)
        return gone

    def _fallback(self) -> list[str]:
        available = self._available()
        return [DEFAULT] if DEFAULT in available else list(available)[:1]
