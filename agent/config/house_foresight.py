"""What the ways to the house would trip over on this machine: packages that are not installed, programs, passwords."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from agent.config.sections import Config

_Problems = Iterator[tuple[str, str]]


def house_problems(config: Config) -> _Problems:
    """Find what is missing for `[mqtt]`, `[hooks]` and `[metrics]`: key and what is wrong."""
    if config.mqtt.is_used:
        yield from _package("mqtt.host", "paho", "paho-mqtt", "mqtt")
        yield from _password(config.mqtt.password_file)
    if config.metrics.is_used:
        yield from _package("metrics.listen", "prometheus_client", "prometheus-client", "metrics")
    for name, hook in config.hooks.items():
        if hook.command and shutil.which(hook.command[0]) is None:
            yield f"hooks.{name}.command", ("there is no such program, or this user may not run it; "
                                            "expected its whole path")  # fmt: skip


def _package(key: str, module: str, package: str, extra: str) -> _Problems:
    if find_spec(module) is None:
        yield key, f"it needs the Python package {package}; install kiosk-agent[{extra}], as docs/house.md says"


def _password(file: str) -> _Problems:
    try:
        empty = bool(file) and not Path(file).read_bytes()[:1024].strip()
    except OSError:  # others say so
        return
    if empty:
        yield "mqtt.password_file", f"{file} holds nothing; expected the password"
