"""What the kernel and the sound servers show without PortAudio: which cards exist, who uses them, what has changed.

PortAudio's own list is frozen when it starts, and making a new one costs half a second of CPU time. So a lost card is
looked for here, cheaply, and PortAudio is started again when something changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hw.words import excerpt

ASOUND = Path("/proc/asound")
CARDS = ASOUND / "cards"
DEVICES = Path("/dev/snd")
SYSTEM_WIDE = Path("/run/pulse/native")  # of a PulseAudio that serves all users who may connect to it

_CARD_LINE = re.compile(r"^\s*(?P<number>\d+)\s+\[(?P<id>\w+)\s*\]: (?P<name>.*)$", re.MULTILINE)
_ALSA_CARD = re.compile(r"^[A-Za-z][\w.-]*:(?:CARD=)?(\w+)")
_OWNER = re.compile(r"^owner_pid\s*:\s*(\d+)$", re.MULTILINE)


def card_numbers(text: str | None = None) -> dict[str, int]:
    """Read ALSA's cards: {id: number}."""
    if text is None:
        text = _read(CARDS)
    return {match["id"]: int(match["number"]) for match in _CARD_LINE.finditer(text)}


def anything() -> bool:
    """Tell whether this machine has any card or sound server at all."""
    return bool(card_numbers()) or has_server()


def has_server() -> bool:
    """Tell whether a sound server may be there, on this machine or, as PULSE_SERVER says, on another one."""
    return is_elsewhere() or any(path.exists() for path in _server_sockets())


def is_elsewhere() -> bool:
    """Tell whether PULSE_SERVER names servers of the network only, or what is no address at all."""
    return bool(_named()) and not any(map(_path, _named()))


def fingerprint() -> tuple[object, ...]:
    """Make a value that changes when a card is plugged, pulled or let go of, or a sound server starts anew."""
    return (_read(CARDS), *occupied(), *(_identity(path) for path in _server_sockets()))


def occupied(asound: Path = ASOUND) -> list[tuple[str, int]]:
    """List the streams of cards that other programs hold: (`card1/pcm0c`, process id)."""
    found = []
    for status in sorted(asound.glob("card*/pcm*/sub*/status")):
        owner = _OWNER.search(_read(status))
        if owner is not None and int(owner[1]) != os.getpid():
            found.append((str(status.parent.parent.relative_to(asound)), int(owner[1])))
    return found


def holder(wanted: str, capture: bool, asound: Path = ASOUND) -> str:
    """Name the program that holds the card meant by `wanted`, in words; empty when there is none."""
    number = _ALSA_CARD.search(wanted)
    side = "c" if capture else "p"
    for match in _CARD_LINE.finditer(_read(asound / "cards")):
        named = (number and number[1] in (match["number"], match["id"])) or wanted.lower() in match["name"].lower()
        for stream, pid in occupied(asound):
            if named and stream.startswith(f"card{match['number']}/") and stream.endswith(side):
                name = excerpt(_read(Path(f"/proc/{pid}/comm")).strip())
                return f"{name or 'a program'} (process {pid})"
    return ""


def is_denied() -> bool:
    """Tell whether there are cards that this user may not open."""
    try:
        nodes = [node for node in DEVICES.iterdir() if node.name.startswith("pcm")]
    except OSError:
        return False
    return bool(nodes) and not any(os.access(node, os.R_OK | os.W_OK) for node in nodes)


def pulse_sockets() -> list[Path]:
    """List where PulseAudio, or what takes its place, may listen for this user."""
    named = [path for path in map(_path, _named()) if path is not None]
    everybodys = [SYSTEM_WIDE] if os.access(SYSTEM_WIDE, os.W_OK) else []
    return [*everybodys, _runtime() / "pulse" / "native", *reversed(named)]


def _named() -> list[str]:
    """The servers of PULSE_SERVER, the first to be tried in front; one may begin with {the machine that it is for}."""
    return [re.sub(r"^\{[^}]*\}", "", each) for each in os.environ.get("PULSE_SERVER", "").split()]


def _path(server: str) -> Path | None:
    return Path(server.removeprefix("unix:")) if server.startswith(("unix:", "/")) else None


def _server_sockets() -> list[Path]:
    return [*pulse_sockets(), _runtime() / "pipewire-0"]


def _runtime() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}"))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(path: Path) -> str:
    try:
        # The kernel cuts a card's name at a number of bytes, be it in the middle of a letter.
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
