"""The tokens by which a call is taken up again: what was lost on its way does no harm, what is old is worth nothing."""

from __future__ import annotations

from agent.switchboard.reconnect_tokens import MOST_GOOD, ReconnectTokens


def test_each_use_brings_another_token_and_ends_those_before() -> None:
    tokens = ReconnectTokens()
    first = tokens.tell()
    assert tokens.use(first)
    second = tokens.tell()
    assert tokens.use(second) and second != first
    assert not tokens.use(first)


def test_a_token_is_told_once() -> None:
    tokens = ReconnectTokens()
    assert tokens.tell() and tokens.tell() == ""


def test_a_token_that_was_lost_on_its_way_leaves_the_one_before_good() -> None:
    tokens = ReconnectTokens()
    first = tokens.tell()
    for _ in range(3 * MOST_GOOD):
        assert tokens.use(first)
        lost = tokens.tell()
    assert tokens.use(lost) and not tokens.use(first)


def test_a_token_that_has_arrived_ends_the_one_before_though_nobody_used_it() -> None:
    tokens = ReconnectTokens()
    first = tokens.tell()
    assert tokens.use(first)
    second = tokens.tell()
    tokens.arrived()
    assert not tokens.use(first) and tokens.use(second)


def test_a_token_that_the_client_was_not_told_yet_ends_nothing() -> None:
    tokens = ReconnectTokens()
    first = tokens.tell()
    assert tokens.use(first)
    tokens.arrived()
    assert tokens.use(first)
    assert tokens.use(tokens.tell())


def test_only_so_many_lost_tokens_are_remembered() -> None:
    tokens = ReconnectTokens()
    told = [tokens.tell()]
    for _ in range(2 * MOST_GOOD):
        tokens.use(told[0])
        told.append(tokens.tell())
    assert sum(tokens.use(token) for token in told) <= MOST_GOOD


def test_nothing_but_a_token_is_one() -> None:
    tokens = ReconnectTokens()
    token = tokens.tell()
    assert not any(map(tokens.use, ("", token[:-1], token + "x", "ü", "\ud800", ReconnectTokens().tell())))
