"""Whatever the far ends of one call do, and in whatever order: one has it, all others end, and nothing is left."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.signaling.sip.core import Paper, answered, refused
from tests.signaling.sip.sip_text import Text, answer_to

NAMES = ("ground", "first", "attic", "cellar")
PROVISIONAL = {"tries": 100, "rings": 180, "sounds": 183}
REFUSALS = {"busy": 486, "declines": 603, "is nobody": 404, "breaks": 503, "moved": 302}
OF_A_LEG = st.tuples(
    st.sampled_from([*PROVISIONAL, *REFUSALS, "answers", "answers", "answers mutely", "asks"]),
    st.integers(0, 3), st.integers(0, 1),
)  # fmt: skip
OF_THE_CALL = st.tuples(
    st.sampled_from(["we hang up", "the connection is lost", "half a minute passes"]), st.just(0), st.just(0)
)


@dataclass
class FarEnd:
    """One who is called, as an edge speaks for him."""

    invite: Text
    flow: int
    is_over: bool = False  # he has said his last word to this INVITE


class House:
    """All of them. They say yes to what ends a call, and to what is asked within it."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.ends: dict[str, FarEnd] = {}
        self.acked: set[tuple[str, str]] = set()
        self.ended: set[tuple[str, str]] = set()
        self._seen = 0

    def hear(self) -> None:
        """Answer whatever was sent since."""
        while self._seen < len(self.paper.sent):
            flow, text = self.paper.sent[self._seen]
            self._seen += 1
            if text.is_request:
                self._take(text, flow)

    def _take(self, text: Text, flow: int) -> None:
        name, tag = text.get("Call-ID"), text.tag("To")
        if text.method == "INVITE" and not tag:
            self.ends[name] = FarEnd(text, flow)
        elif text.method == "INVITE":
            self.paper.hears(answered(text), flow)
        elif text.method == "CANCEL":
            self.paper.hears(answer_to(text, 200, "OK"), flow)
            self._end(self.ends[name], refused(self.ends[name].invite, 487))
        elif text.method == "BYE":
            self.ended.add((name, tag))
            self.paper.hears(answer_to(text, 200, "OK"), flow)
        elif text.method == "ACK" and tag != "far":  # which refuses
            self.acked.add((name, tag))

    def _end(self, far: FarEnd, word: Text) -> None:
        if not far.is_over:
            far.is_over = True
            self.paper.hears(word, far.flow)

    def does(self, what: str, number: int, phone: int) -> None:
        """Let one of them do something, if he still may."""
        far = [*self.ends.values()][number % len(self.ends)]
        name, invite, tag = far.invite.get("Call-ID"), far.invite, f"phone{phone}"
        if what in PROVISIONAL and not far.is_over:
            status = PROVISIONAL[what]
            word = answer_to(invite, 100, "Trying") if status == 100 else answered(invite, tag, "", status)
            self.paper.hears(word, far.flow)
        elif what in REFUSALS:
            self._end(far, refused(invite, REFUSALS[what]))
        elif what == "asks":
            challenge = f'Digest realm="pbx", nonce="{name}{invite.get("CSeq")}", qop="auth"'
            self._end(far, refused(invite, 407, Proxy_Authenticate=challenge))
        elif what.startswith("answers") and (not far.is_over or any(acked[0] == name for acked in self.acked)):
            far.is_over = True  # a further phone, or the same one again, may answer nevertheless
            self.paper.hears(answered(invite, tag, **({"body": ""} if what == "answers mutely" else {})), far.flow)


def happens(house: House, what: str, number: int, phone: int) -> None:
    paper = house.paper
    match what:
        case "we hang up":
            paper.asks("TJS1", "hang_up", None)
        case "the connection is lost":
            paper.down(1)
            house.hear()
            paper.back(1)
        case "half a minute passes":
            paper.move(30)
        case _:
            house.does(what, number, phone)
    house.hear()


@given(st.integers(1, 4), st.integers(1, 2), st.lists(OF_A_LEG | OF_A_LEG | OF_A_LEG | OF_THE_CALL, max_size=14))
def test_one_has_the_call_and_all_others_end(count: int, edges: int, story: list[tuple[str, int, int]]) -> None:
    paper = Paper(edges=edges)
    paper.call(params=f"To={'%2C'.join(NAMES[:count])}")
    house = House(paper)
    house.hear()
    assert len(house.ends) == count
    for step in story:
        happens(house, *step)

    in_time = [event for event in paper.events if event in ("answer", "hangup")]
    assert in_time in ([], ["answer"], ["hangup"], ["answer", "hangup"])
    assert count == 1 or paper.events.count("ringing") <= 1
    on = [phase for phase in paper.calls if phase.sid == "TJS1" and paper.calls.phase_of("TJS1") is phase]
    if in_time == ["answer"] and on:
        winner = on[0].dialog  # type: ignore[attr-defined]
        assert house.acked - house.ended == {(winner.call_id, winner.remote.tag)}
    for _ in range(20):  # every limit there is passes, those of ringing first
        paper.move(30)
        house.hear()
    paper.asks("TJS1", "hang_up", None)
    house.hear()
    paper.move(40)
    house.hear()

    assert paper.rest == 0
    assert house.acked == house.ended
    ends = [event for event in paper.events if event in ("answer", "hangup")]
    assert len(ends) == len(set(ends)) <= 2
    assert ends or any(what == "we hang up" for what, _, _ in story)
