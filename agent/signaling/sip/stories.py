"""What the headers of an INVITE or a CANCEL say to the program: who calls, what goes with the call, who has taken it.

Custom parameters travel as headers: `X-Door: front` is `{"Door": "front"}`. What an edge asserts about the caller
(RFC 3325, RFC 8224, the `verstat` of 3GPP) anybody can write who gets past it, so it counts only from an edge that is
trusted to take it out of what it is sent. Who calls is then whom that edge names, whatever the caller says of itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from agent.errors import InvalidArgumentError, ProtocolError
from agent.signaling.pstream.params import encode_params, read_params
from agent.signaling.sip.account import check_header
from agent.signaling.sip.header_values import read_addresses
from agent.signaling.sip.message import SipMessage, SipRequest

PREFIX: Final = "x-"
MOST_PARAMETERS: Final = 64
MOST_CHARS: Final = 4096
_VERSTAT: Final = re.compile(r"verstat=\"?([A-Za-z-]{1,64})", re.IGNORECASE)
_SIP_URI: Final = re.compile(r"sips?:", re.IGNORECASE)
_OF_VERSTAT: Final = re.compile(r";verstat=[^;?]*", re.IGNORECASE)
_PASSED: Final = "TN-Validation-Passed"
_ANSWERED: Final = re.compile(r"^\s*(?:SIP\s*;(?:.*;)?\s*cause\s*=\s*200|Q\.850\s*;(?:.*;)?\s*cause\s*=\s*26)\b", re.I)


def parameters_of(invite: SipRequest, *, trusts_edge: bool) -> dict[str, str]:
    """Return what a program may know of an incoming call."""
    caller = (_asserted(invite) if trusts_edge else "") or invite.from_.uri
    told = {"CallSid": invite.call_id, "From": caller, "To": invite.to.uri}
    if params := _encoded(_custom(invite)):
        told["Params"] = params
    if trusts_edge and (status := _stir_status(invite)):
        told["StirStatus"] = status
    return told


def dialled(params: str) -> tuple[str, dict[str, str]]:
    """Return whom a call is for, and the headers of its other parameters; raises InvalidArgumentError."""
    given = {unquote(param.key, errors="replace"): param.value for param in read_params(params)}
    whom = given.pop("To", "")
    headers = {f"X-{name}": value for name, value in given.items()}
    for name, value in headers.items():
        check_header(name, value)
    return whom, headers


def is_answered_elsewhere(cancel: SipMessage) -> bool:
    """Tell whether another phone of ours has taken the call (RFC 3326)."""
    return any(_ANSWERED.match(reason) for reason in cancel.headers.all("Reason"))


def _custom(invite: SipRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in invite.headers:
        if name.lower().startswith(PREFIX) and len(name) > len(PREFIX) and len(found) < MOST_PARAMETERS:
            found[name[len(PREFIX) :]] = value
    return found


def _encoded(custom: Mapping[str, str]) -> str:
    """Write them as the program reads them; those behind the limit are left out."""
    kept: dict[str, str] = {}
    length = 0
    for name, value in custom.items():
        length += len(name) + len(value)
        if length > MOST_CHARS:
            break
        kept[name] = value
    try:
        return encode_params(kept)
    except InvalidArgumentError:
        return ""  # in their escaped form they are more than a program takes


def _asserted(invite: SipRequest) -> str:
    """Return who calls, as the edge says: a SIP URI rather than a number; empty where it says nothing usable."""
    try:
        asserted = read_addresses(invite.headers.all("P-Asserted-Identity"))
    except ProtocolError:
        return ""
    named = [_OF_VERSTAT.sub("", address.uri) for address in asserted]
    return next((uri for uri in named if _SIP_URI.match(uri)), named[0] if named else "")


def _stir_status(invite: SipRequest) -> str:
    """Return what is known about the caller's number, and how well its own network knows the caller."""
    asserted = " ".join(invite.headers.values("P-Asserted-Identity"))
    found = _VERSTAT.search(asserted)
    if found is None:
        return ""
    if found[1].lower() != _PASSED.lower():
        return found[1]
    return f"{_PASSED}-{_attestation(invite) or 'A'}"


def _attestation(invite: SipRequest) -> str:
    """Read how sure the network is that signed the call: A, B or C (RFC 8588); empty where it did not sign it."""
    token = (invite.headers.first("Identity") or "").partition(";")[0].split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(token[1] + "=" * (-len(token[1]) % 4)))
        attest = claims.get("attest")
    except (IndexError, ValueError, binascii.Error, AttributeError, RecursionError):
        return ""
    return attest if attest in ("A", "B", "C") else ""
