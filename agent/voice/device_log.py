"""What one Device tells its program: loggers are shared by all Devices, the options `debug` and `warnings` are not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any


class DeviceLog(logging.LoggerAdapter[logging.Logger]):
    """The room's logger, silent while its Device is to be."""

    def __init__(self, logger: logging.Logger, is_silent: Callable[[], bool]) -> None:
        super().__init__(logger, {})
        self._is_silent = is_silent

    def isEnabledFor(self, level: int) -> bool:
        """Tell whether a line of this level is written."""
        return not self._is_silent() and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Leave a line as it is."""
        return msg, kwargs
