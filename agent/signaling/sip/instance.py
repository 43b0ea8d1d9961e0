"""The name of one box among all (RFC 5626 section 4.1): the same after a restart, and another one in each box.

It is derived, not stored, so that a read-only system has it too. The board's serial number comes first, since a copied
card takes everything else along; a machine without one has its id (machine-id(5)) and the address of its network card.
"""

from __future__ import annotations

import logging
import re
import uuid
from functools import cache
from pathlib import Path
from typing import Final

from agent.files import state_folder, write_private

log = logging.getLogger(__name__)

SPACE: Final = uuid.UUID("5a1b7c0e-3f0c-5b0a-9a55-6b1f0c7d5e21")  #: of version 5 (RFC 4122 section 4.3)
FILE_NAME: Final = "sip-instance"
_SERIAL = re.compile(r"[0-9A-Za-z-]{6,}")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")


@cache
def this_machine() -> str:
    """Return the UUID of this machine; another one for each start where it can neither be told nor kept."""
    try:
        return box_instance()
    except OSError as error:
        log.warning("this machine has no id, and none can be kept (%s): calls may ring twice after a restart; set"
                    " an `instance`", error.strerror)  # fmt: skip
        return str(uuid.uuid4())


def box_instance(root: Path = Path("/"), state: Path | None = None) -> str:
    """Return this machine's UUID; `state` keeps one where the machine says nothing of itself. OSError: it cannot."""
    if own := _of_this_machine(root):
        return str(uuid.uuid5(SPACE, own))
    return _kept(state or state_folder())


def _of_this_machine(root: Path) -> str:
    serial = _text(root / "proc/device-tree/serial-number")
    if _SERIAL.fullmatch(serial) and set(serial) - {"0"}:
        return serial
    machine = _text(root / "etc/machine-id")
    return f"{machine} {_network_card(root)}".strip() if _MACHINE_ID.fullmatch(machine) else ""


def _network_card(root: Path) -> str:
    """The lowest address that a card was made with; empty without a card."""
    cards = (card for card in (root / "sys/class/net").glob("*") if (card / "device").exists())
    return min((_text(card / "address") for card in cards if _text(card / "addr_assign_type") == "0"), default="")


def _kept(folder: Path) -> str:
    path = folder / FILE_NAME
    try:
        return str(uuid.UUID(_text(path)))
    except ValueError:
        made = str(uuid.uuid4())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, f"{made}\n".encode())
    return made


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip("\0 \n")
    except OSError:
        return ""
