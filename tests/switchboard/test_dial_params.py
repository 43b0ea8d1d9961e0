"""Whom an invite calls, and what is left of its parameters."""

from __future__ import annotations

import pytest

from agent.switchboard.dial_params import DialParams, split_params


@pytest.mark.parametrize(
    ("params", "split"),
    [
        ("To=bob&x=1&note=a%20b", ("bob", "x=1&note=a%20b")),
        ("To=client%3Abob", ("bob", "")),
        ("x=1", ("", "x=1")),
        ("", ("", "")),
        ("To=a+b%2Bc", ("a b+c", "")),
        ("To=bob&To=joe&x=1", ("joe", "x=1")),
        ("To=%zz&x=%zz", ("%zz", "x=%zz")),
        ("To=%E6%88&&=y", ("%E6%88", "")),
    ],
)
def test_parameters_are_split_into_target_and_rest(params: str, split: tuple[str, str]) -> None:
    assert split_params(params) == DialParams(*split)
