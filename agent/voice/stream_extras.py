"""What not every stream can do: one of a program's own need not know it, nor does the voice service want it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent.voice.protocols import SignalingStream

#: Why an offer of the far end is not answered: a word for whoever waits, where the service takes one.
NotTaken = Literal["busy", "do_not_disturb", "nobody", "too_many", "unusable"]


def decline(stream: SignalingStream | None, callsid: str | None, why: NotTaken) -> None:
    """Say that an offer of the far end is not taken, as far as the stream has a word for that."""
    say = getattr(stream, "decline", None)
    if say is not None:
        say(callsid, why)


def keeps_hangups(stream: SignalingStream | None) -> bool:
    """Tell whether a hang-up that finds no connection goes out over the next one."""
    return bool(getattr(stream, "keeps_hangups", False))
