"""Calls of an earlier client and of JsSIP in a browser, through Kamailio, with the box in their place.

Each line of a recording is a message as the edge saw it. What the edge sent goes to a user agent on paper; what the
recorded client sent must come out of it in its turn, and mean the same: kind, target, route, what belongs to which
call, whether it describes the session. Names that each client makes up (branches, tags, Call-IDs) are translated. What
differs on purpose: no 100 (the edge says that), no session timer of our own, and after a new connection every call is
asked for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.signaling.sip.core import Paper, refused
from tests.signaling.sip.sip_text import Text, answer_to

FOLDER = Path(__file__).parent / "recordings"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


class Replay:
    """One recording against one user agent."""

    def __init__(self, name: str) -> None:
        self.lines = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
        self.names: dict[str, str] = {}  # of theirs: ours
        self.numbers: dict[str, int] = {}  # by Call-ID: how far apart the CSeqs are
        user = "kiosk" if name.startswith("box") else "web"
        self.paper = Paper(user=user, domain="sip.test", early_media=name.endswith("with-ringing-state"))
        self.taken = 0  # messages of ours that were compared
        self.sid = ""
        self.is_over = False

    def run(self) -> None:
        before = None
        for line in self.lines:
            self.paper.move(min(line["t"] - before, 20.0) if before is not None else 0)
            before = line["t"]
            if self.is_over:
                return
            if line["raw"] == "(connects)":
                self._reconnect()
            elif line["from"] == "edge":
                self._hear(Text.read(self._ours(line["raw"])))
            else:
                self._expect(Text.read(line["raw"]))

    def _hear(self, text: Text) -> None:
        if text.method == "UPDATE":
            return
        if text.is_request and text.method == "INVITE" and not text.tag("To"):
            self.sid = text.get("Call-ID")
        if not text.is_request and (far := self.numbers.get(text.get("Call-ID"))) is not None:
            number, method = text.get("CSeq").split()
            text.put("CSeq", f"{int(number) + far} {method}")
        self.paper.hears(text)

    def _expect(self, theirs: Text) -> None:
        if theirs.status == 100:
            return
        if theirs.method == "UPDATE":
            self.numbers = {call: far - 1 for call, far in self.numbers.items()}
            return
        if self.taken >= len(self._sent()):
            self._act(theirs)
        sent = self._sent()
        assert self.taken < len(sent), f"nothing comes for {theirs} after {sent[-3:]}"
        ours = sent[self.taken]
        self.taken += 1
        self._learn(theirs, ours)
        self._compare(Text.read(self._ours(str(theirs))), ours)

    def _sent(self) -> list[Text]:
        return [text for _, text in self.paper.sent if text.method != "REGISTER"]

    def _act(self, theirs: Text) -> None:
        """Let the program do what the recorded one did."""
        paper = self.paper
        match theirs.status or theirs.method:
            case "INVITE" if not theirs.tag("To"):
                self.sid = "TJS1"
                custom = [f"{name[2:]}={quote(value)}" for name, value in theirs.lines if name.lower()[:2] == "x-"]
                params = "&".join([f"To={theirs.uri}", *custom])
                paper.do(paper.calls.call(self.sid, params, theirs.body, paper.now))
            case "INVITE":
                paper.asks(self.sid, "offer", theirs.body)
            case "BYE" | "CANCEL":
                paper.asks(self.sid, "hang_up", None)
            case "INFO":
                found = re.search(r"Signal=\s*(\S+)", theirs.body)
                assert found
                paper.asks(self.sid, "press", found[1])
            case 200:
                paper.asks(self.sid, "answer", theirs.body)
            case 180:
                paper.move(0)
            case 486:
                paper.asks(self.sid, "decline", "busy")
            case 603:
                paper.asks(self.sid, "reject", 603)

    def _reconnect(self) -> None:
        """Come back over another connection; who asks for the call then is answered from the recording, or by it."""
        paper = self.paper
        if not len(paper.calls):
            return
        offers = len([text for text in self._sent() if text.method == "INVITE"])
        answer = next(text for text in reversed(self._heard()) if text.status == 200 and text.body)
        before = len(self._sent())
        paper.down()
        paper.back()
        probe = self._sent()[-1]
        assert (probe.method, len([text for text in self._sent() if text.method == "INVITE"])) == ("INVITE", offers + 1)
        self.taken += self._sent()[before].method == "ACK"  # the one before may have been lost with its connection
        recorded = [Text.read(line["raw"]) for line in self.lines if line["from"] == "box" and line["raw"][0] != "("]
        if any(text.method == "INVITE" and text.tag("To") for text in recorded):
            return  # it asked, too
        gone = any(line["from"] == "edge" and " 481 " in line["raw"][:20] for line in self.lines)
        paper.hears(refused(probe, 481) if gone else answer_to(probe, 200, "OK", body=answer.body))
        self.is_over = gone  # it is over at once, where the recorded one had to be told to hang up
        self.taken = len(self._sent())

    def _heard(self) -> list[Text]:
        return [Text.read(self._ours(line["raw"])) for line in self.lines
                if line["from"] == "edge" and line["raw"][0] != "("]  # fmt: skip

    def _learn(self, theirs: Text, ours: Text) -> None:
        side = "From" if theirs.is_request else "To"
        pairs = [(theirs.tag(side), ours.tag(side)), (theirs.get("Call-ID"), ours.get("Call-ID"))]
        if theirs.is_request:
            branch = r"branch=([^;\s]+)"
            pairs.append((re.findall(branch, theirs.get("Via"))[0], re.findall(branch, ours.get("Via"))[0]))
            if theirs.method != "ACK":
                far = int(ours.get("CSeq").split()[0]) - int(theirs.get("CSeq").split()[0])
                assert self.numbers.setdefault(ours.get("Call-ID"), far) == far, f"{theirs}: {ours.get('CSeq')}"
        self.names |= {theirs: ours for theirs, ours in pairs if theirs and theirs != ours}

    def _ours(self, raw: str) -> str:
        for theirs, ours in self.names.items():
            raw = raw.replace(theirs, ours)
        return raw

    def _compare(self, theirs: Text, ours: Text) -> None:
        told = f"{theirs.start} {theirs.lines} became {ours.start} {ours.lines}"
        assert (theirs.method, theirs.status) == (ours.method, ours.status), told
        assert bool(theirs.body) == bool(ours.body), told
        assert bool(theirs.tag("To")) == bool(ours.tag("To")), told
        if theirs.is_request:
            assert theirs.uri == ours.uri, told
            assert _elements(theirs, "Route") == _elements(ours, "Route"), told
        else:
            assert _elements(theirs, "Via") == _elements(ours, "Via"), told
            if theirs.method == "INVITE" and 100 < theirs.status < 300:
                assert _elements(theirs, "Record-Route") == _elements(ours, "Record-Route"), told
        if theirs.method == "INVITE" and (theirs.is_request or theirs.status == 200):
            assert ours.get("Contact"), told
        if theirs.method != "ACK":  # which the recorded ones send without the proof that belongs there
            assert bool(theirs.get("Proxy-Authorization")) == bool(ours.get("Proxy-Authorization")), told
        for name in ("From", "To"):
            assert _uri(theirs.get(name)) == _uri(ours.get(name)), told
        custom: list[Any] = [[line for line in text.lines if line[0].lower()[:2] == "x-"] for text in (theirs, ours)]
        assert custom[0] == custom[1], told


def _elements(text: Text, name: str) -> list[str]:
    return [re.sub(r"\s", "", element) for value in text.all(name) for element in value.split(",")]


def _uri(address: str) -> str:
    found = re.search(r"<([^>]*)>", address)
    return (found[1] if found else address.partition(";")[0]).partition(";")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_call_comes_out_with_the_same_meaning(name: str) -> None:
    replay = Replay(name)
    replay.run()

    assert replay.taken == len(replay._sent())
    replay.paper.move(70)
    assert replay.paper.rest == 0
    if "early-media" in name:
        rings = [payload for event, payload in replay.paper.told if event == "ringing"]
        assert any("sdp" in payload for payload in rings) == name.endswith("with-ringing-state")
