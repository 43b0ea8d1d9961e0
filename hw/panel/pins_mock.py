"""gpiozero's mock pins for a panel without a board, made fit for years: they keep the last levels, not every one."""

from __future__ import annotations

from hw.panel.pins_library import MockPin, MockPWMPin

KEPT_LEVELS = 256


class _Forgetful:
    """Drops the oldest levels."""

    states: list[object]

    def _change_state(self, value: float) -> bool:
        changed: bool = super()._change_state(value)  # type: ignore[misc]
        del self.states[:-KEPT_LEVELS]
        return changed


class VirtualPin(_Forgetful, MockPin):  # type: ignore[misc]
    """A pin that is high or low."""


class VirtualPwmPin(_Forgetful, MockPWMPin):  # type: ignore[misc]
    """A pin that can be dimmed."""
