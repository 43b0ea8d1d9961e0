"""Which edge a flow uses."""

from __future__ import annotations

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.sip.edges import EdgeList


def test_two_flows_hold_two_edges():
    edges = EdgeList(["a", "b", "c"])

    assert (edges.held(1), edges.held(2), edges.held(1)) == ("a", "b", "a")


def test_a_flow_that_fails_takes_the_next_edge_that_nobody_holds():
    edges = EdgeList(["a", "b", "c"])
    edges.held(1), edges.held(2)

    assert (edges.failed(1), edges.held(1)) == (True, "c")
    assert (edges.failed(2), edges.held(2)) == (True, "a")


def test_when_all_free_ones_were_tried_it_waits_and_begins_again():
    edges = EdgeList(["a", "b", "c"])
    edges.held(1)

    assert [(edges.failed(1), edges.held(1)) for _ in range(4)] == [
        (True, "b"), (True, "c"), (False, "a"), (True, "b"),
    ]  # fmt: skip


def test_one_that_worked_forgets_what_it_had_tried():
    edges = EdgeList(["a", "b"])
    edges.held(1)
    edges.failed(1)
    edges.worked(1)

    assert (edges.failed(1), edges.held(1)) == (True, "a")


def test_two_flows_on_two_edges_stay_where_they_are():
    edges = EdgeList(["a", "b"])
    edges.held(1), edges.held(2)

    assert [(edges.failed(1), edges.held(1)) for _ in range(3)] == [(False, "a")] * 3


def test_one_edge_is_tried_again_after_a_wait():
    edges = EdgeList(["a", "a"])
    edges.held(1)

    assert (len(edges), edges.failed(1), edges.held(1)) == (1, False, "a")


def test_there_is_an_edge():
    with pytest.raises(InvalidArgumentError, match="set edges"):
        EdgeList([])
