"""What an edge received and sent, in the clear, from the files that it writes with `DUMP`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

BETWEEN, AFTER_HEAD, END = "=" * 20 + "\n", "~" * 20 + "\n", "|" * 20


class Seen(NamedTuple):
    """One message; `step` is `>INVITE` for a request of the client and `<200/INVITE` for a response to it."""

    at_s: float
    client: str
    step: str
    text: str


def messages(folder: Path, clients: tuple[str, ...]) -> list[Seen]:
    """Read what went between an edge and these addresses over WebSockets, in order."""
    found = [_read(block, clients) for path in sorted(folder.glob("*.data"))
             for block in path.read_text(errors="replace").split(BETWEEN)]  # fmt: skip
    return sorted(each for each in found if each is not None)


def _read(block: str, clients: tuple[str, ...]) -> Seen | None:
    head, _, text = block.partition(AFTER_HEAD)
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    ends = (fields.get("srcip", ""), fields.get("dstip", ""))
    client = next((each for each in ends if each in clients), None)
    if client is None or not fields.get("proto", "").startswith(("ws", "wss")):
        return None
    first = text.partition("\n")[0].split()
    method = re.search(r"^CSeq: *\d+ (\w+)", text, re.M | re.I)
    if len(first) < 2 or method is None:
        return None
    what = f"{first[1]}/{method[1]}" if first[0] == "SIP/2.0" else first[0]
    return Seen(float(fields["time"]), client, (">" if ends[0] == client else "<") + what, text.partition(END)[0])
