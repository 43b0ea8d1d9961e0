"""The outputs of the settings in use, kept for the time when the file is gone: the lights go on showing that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from agent.config.outputs import PIN_KEYS, RestingOutputs, outputs_of
from agent.config.sections import Config
from agent.errors import ConfigError


def remember_outputs(config: Config, path: Path) -> None:
    """Write down which pins the lights have, and nothing else of the settings; raises OSError."""
    path.write_text("\n".join(_lines(config)) + "\n")


def outputs_or_remembered(path: Path, remembered: Path | None) -> RestingOutputs:
    """Read the outputs that the settings name; where they name none, those that were in use before."""
    found = _read(path)
    if found.lights or remembered is None:
        return found
    return _read(remembered)


def _read(path: Path) -> RestingOutputs:
    try:
        return outputs_of(path)
    except ConfigError:
        return RestingOutputs()


def _lines(config: Config) -> Iterator[str]:
    yield from ("[box]", f"pins = {json.dumps(config.box.pins)}", f"chip = {json.dumps(config.box.chip)}")
    for name, light in config.lights.items():
        yield f"[lights.{json.dumps(name)}]"
        yield f"active_low = {str(light.active_low).lower()}"
        yield from (f"{key} = {pin}" for key in PIN_KEYS if (pin := getattr(light, key)) is not None)
