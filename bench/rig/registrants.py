"""Boxes that only register: REGISTER with challenge over WSS, as a site sees it from hundreds of them."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.rig.sip_site import DOMAIN

SECRET = "the same for all of them"


def register(number: int, line: str, more: str = "", via: str = "WSS") -> str:
    """A REGISTER of box `number`."""
    return (
        f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/{via} b{number}.invalid;branch=z9hG4bK{number}x{line}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:b{number}@{DOMAIN}>;tag={number}\r\nTo: <sip:b{number}@{DOMAIN}>\r\n"
        f"Call-ID: load-{number}\r\nCSeq: {line} REGISTER\r\nSupported: path, outbound, gruu\r\nExpires: 600\r\n"
        f'Contact: <sip:b{number}@b{number}.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:{number:032x}>"\r\n'
        f"{more}Content-Length: 0\r\n\r\n"
    )


def credentials(number: int, challenge: str) -> str:
    """The answer to a challenge (RFC 2617)."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    uri, qop = f"sip:{DOMAIN}", "auth"
    one = _md5(f"b{number}:{given['realm']}:{SECRET}")
    proof = _md5(f"{one}:{given['nonce']}:00000001:cafe:{qop}:{_md5(f'REGISTER:{uri}')}")
    return (
        f'Authorization: Digest username="b{number}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{proof}", qop={qop}, nc=00000001, cnonce="cafe", algorithm=MD5\r\n'
    )


async def box(number: int, uri: str, context: ssl.SSLContext) -> ClientConnection:
    """Connect and register."""
    link = await connect(uri, ssl=context, subprotocols=[Subprotocol("sip")], ping_interval=None, compression=None)
    await link.send(register(number, "1"))
    challenge = str(await link.recv())
    await link.send(register(number, "2", credentials(number, challenge)))
    answer = str(await link.recv())
    assert answer.startswith("SIP/2.0 200"), answer
    return link


async def boxes(numbers: range, uri: str, context: ssl.SSLContext, failed: list[int]) -> list[ClientConnection]:
    """Register these, ten at a time; who is thrown out comes again, and is noted."""
    turns = asyncio.Semaphore(10)

    async def one(number: int) -> ClientConnection:
        async with turns:
            for _ in range(5):
                try:
                    return await box(number, uri, context)
                except (OSError, WebSocketException):
                    failed.append(number)
            raise RuntimeError(f"box {number} was thrown out five times")

    return list(await asyncio.gather(*(one(number) for number in numbers)))


async def refresh(links: list[ClientConnection]) -> None:
    """Register each again, over its connection."""
    for number, link in enumerate(links):
        await link.send(register(number, "3"))
        challenge = str(await link.recv())
        await link.send(register(number, "4", credentials(number, challenge)))
        await link.recv()


async def leave(links: list[ClientConnection]) -> None:
    """End the connections."""
    for link in links:
        await link.close()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
