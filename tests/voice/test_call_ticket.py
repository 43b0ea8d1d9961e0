from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import LocalFault
from agent.voice.call_ids import INCOMING, OUTGOING
from agent.voice.call_ticket import MOST_CHARS, CallTicket

words = st.text(max_size=20)
tables = st.dictionaries(words, words, max_size=4)
tickets = st.builds(CallTicket, words.filter(bool), st.sampled_from([INCOMING, OUTGOING]), words, tables, tables,
                    st.booleans())  # fmt: skip
junk = st.recursive(st.none() | st.booleans() | st.integers() | words,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))  # fmt: skip


@given(tickets)
def test_it_comes_out_of_a_file_as_it_went_in(ticket: CallTicket) -> None:
    assert CallTicket.of_json(json.loads(json.dumps(ticket.to_json()))) == ticket


@given(junk)
def test_anything_else_is_refused(found: Any) -> None:
    with pytest.raises(LocalFault):
        CallTicket.of_json(found)


@given(tickets, st.sampled_from(sorted(CallTicket.__dataclass_fields__)), junk)
def test_a_member_of_another_kind_is_refused_or_harmless(ticket: CallTicket, member: str, value: Any) -> None:
    found = ticket.to_json() | {member: value}
    try:
        read = CallTicket.of_json(found)
    except LocalFault:
        return
    assert read.to_json() == found


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(LocalFault, match="callsid"):
        CallTicket.of_json(CallTicket("C" * (MOST_CHARS + 1), OUTGOING).to_json())


def test_its_token_is_not_shown() -> None:
    assert "RT-secret" not in repr(CallTicket("CA1", OUTGOING, "RT-secret"))
