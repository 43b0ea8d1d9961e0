"""What the switchboard reads in session descriptions (RFC 8866). Pure."""

from __future__ import annotations


def attribute(sdp: str, name: str) -> str:
    """Return the value of the first `a=name:` line, or an empty text (RFC 8866 section 5.13)."""
    prefix = f"a={name}:"
    return next((line[len(prefix) :].strip() for line in sdp.splitlines() if line.startswith(prefix)), "")


def codecs(sdp: str) -> tuple[str, ...]:
    """Return the audio codecs of a description that the switchboard can relay, in the order of its m-line."""
    names: dict[str, str] = {"0": "pcmu"}
    order: list[str] = []
    for line in sdp.splitlines():
        if line.startswith("m=audio ") and not order:
            order = line.split()[3:]
        elif line.startswith("a=rtpmap:"):
            payload_type, _, encoding = line[len("a=rtpmap:") :].partition(" ")
            names[payload_type] = encoding.split("/")[0].lower()
    return tuple(dict.fromkeys(name for pt in order if (name := names.get(pt)) in ("opus", "pcmu")))
