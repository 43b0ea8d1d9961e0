"""Another program's parser reads the same out of the same message, wherever it can read it at all."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
import sipmessage

from agent.errors import ProtocolError
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from bench.rig.broken_sip import GOOD, mutated


class Facts(NamedTuple):
    """What both have words for."""

    start: tuple[str, str]
    call_id: str
    cseq: tuple[int, str]
    body: bytes
    transports: list[str]
    branches: list[str | None]
    to: tuple[str, str | None]


def ours(message: SipRequest | SipResponse) -> Facts:
    is_request = isinstance(message, SipRequest)
    return Facts(
        (message.method, "") if is_request else (str(message.status), message.phrase),
        message.call_id,
        (message.cseq.number, message.cseq.method),
        message.body.encode(),
        [via.transport for via in message.via],
        [via.params.get("branch") for via in message.via],
        (message.to.display, message.to.tag),
    )


def theirs(text: str) -> Facts | None:
    """None for what it does not know; it raises one thing or another then."""
    try:
        message = sipmessage.Message.parse(text.encode())
        is_request = isinstance(message, sipmessage.Request)
        return Facts(
            (message.method, "") if is_request else (str(message.code), message.phrase),
            message.call_id,
            (message.cseq.sequence, message.cseq.method),
            message.body,
            [via.transport.upper() for via in message.via],
            [via.parameters.get("branch") for via in message.via],
            (message.to_address.name or "", message.to_address.parameters.get("tag")),
        )
    except (ValueError, KeyError, IndexError, AttributeError):
        return None


@pytest.mark.parametrize("text", GOOD)
def test_it_reads_what_we_write(text):
    message = parse_message(text)

    assert theirs(write_message(message)) == ours(message)


def test_it_agrees_on_what_both_read_of_broken_messages():
    # It unescapes % in the parameters of headers, where that is no escape (RFC 4475 section 3.1.1.5).
    read = [message for frame in mutated(random.Random(7), 3_000) if (message := read_here(frame)) is not None]
    both = [(here, there) for message in read if "%00" not in write_message(message)
            and (there := theirs(write_message(message))) is not None
            for here in [ours(message)]]  # fmt: skip

    assert len(both) > 100
    assert not [(here, there) for here, there in both if here != there]


def read_here(frame: str | bytes) -> SipRequest | SipResponse | None:
    try:
        return parse_message(frame)
    except ProtocolError:
        return None
