"""Leaves out the one plugin of ALSA that no phone needs and that costs more than all others together.

PortAudio asks ALSA for every device that its settings name, and for each ALSA loads a plugin. That for AC3 brings
half a desktop of libraries with it: 7 MB, half of the time that a list takes, and some memory that is lost each time.
ALSA takes its plugins from one folder (ALSA_PLUGIN_DIR), so this process gets one without it.
"""

from __future__ import annotations

import atexit
import functools
import os
import platform
import shutil
import tempfile
from pathlib import Path

USUAL = Path("/usr/lib") / f"{platform.machine()}-linux-gnu" / "alsa-lib"
FOLDER = "ALSA_PLUGIN_DIR"
LEFT_OUT = "libasound_module_pcm_a52.so"


@functools.cache
def leave_out_ac3(usual: Path = USUAL) -> None:
    """Let ALSA find all plugins but that one, unless somebody chose a folder; before it looks for the first."""
    if FOLDER in os.environ or not (usual / LEFT_OUT).exists():
        return
    try:
        folder = Path(tempfile.mkdtemp(prefix="kiosk-alsa-"))
        for plugin in usual.iterdir():
            if plugin.name != LEFT_OUT:
                (folder / plugin.name).symlink_to(plugin)
    except OSError:
        return
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[FOLDER] = str(folder)
