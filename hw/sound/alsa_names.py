"""Devices that only ALSA can name: `sysdefault:CARD=vc4hdmi0`, `hdmi:CARD=...`, `dsnoop:...`, `pipewire:NODE=...`.

PortAudio opens what stands in ALSA's configuration, and a name with arguments does not. So each one that is wanted
gets a name of its own there, in a file that is read besides the usual ones (alsa-lib, ALSA_CONFIG_PATH).
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

USUAL = "/usr/share/alsa/alsa.conf"
PATH = "ALSA_CONFIG_PATH"

_WITH_ARGUMENTS = re.compile(r"[A-Za-z][\w.-]*:[^\s()\"\\]+")
_HARDWARE = ("hw:", "plughw:")  # PortAudio lists these by itself

_aliases: dict[str, str] = {}  # the name in the configuration -> what ALSA calls it
_file: list[Path] = []


def is_alsa_only(name: str) -> bool:
    """Tell whether a device's name is one that PortAudio cannot list."""
    return bool(_WITH_ARGUMENTS.fullmatch(name)) and name.isprintable() and not name.startswith(_HARDWARE)


def configuration(aliases: dict[str, str]) -> str:
    """Write what ALSA is to read: each alias, and the name that it stands for."""
    return "".join(f'pcm.{alias} "{name}"\n' for alias, name in aliases.items())


def prepare(names: Iterable[str]) -> None:
    """Give each name that needs it an alias; before PortAudio starts, on the control thread only."""
    fresh = {f"kiosk_{zlib.crc32(name.encode()):08x}": name for name in names if is_alsa_only(name)}
    if fresh.keys() <= _aliases.keys():
        return
    _aliases.update(fresh)
    if not _file:
        _begin()
    _file[0].write_text(configuration(_aliases))


def real_name(listed: str) -> str:
    """Return what ALSA calls a device that PortAudio lists."""
    return _aliases.get(listed, listed)


def _begin() -> None:
    handle, path = tempfile.mkstemp(prefix="kiosk-alsa-", suffix=".conf")
    os.close(handle)
    _file.append(Path(path))
    atexit.register(_file[0].unlink, missing_ok=True)
    os.environ[PATH] = f"{os.environ.get(PATH) or USUAL}:{path}"
