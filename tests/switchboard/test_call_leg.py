"""One client's part in a call: what happened is said by a method, and nobody else writes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from agent.switchboard.call_leg import CallLeg, LegPhase
from agent.switchboard.effects import LegEffect, Release, Tell, cancel, drop, hang_up
from agent.switchboard.refusals import BUSY

ROOM = Path(__file__).parents[2] / "agent" / "switchboard"
FIELDS = {field.name for field in fields(CallLeg)}


def caller() -> CallLeg:
    return CallLeg("CA1", "alice", 1, temporary_sid="TJS1")


def callee(*, ringing: bool = True) -> CallLeg:
    leg = CallLeg("CA2", "bob", 2)
    if ringing:
        leg.ring()
    return leg


def said(effects: list[LegEffect]) -> list[tuple[str, str]]:
    return [(effect.type, effect.payload["callsid"]) for effect in effects if isinstance(effect, Tell)]


def test_a_leg_rings_once() -> None:
    leg = callee(ringing=False)
    assert (leg.ring(), leg.ring()) == (True, False)
    leg.accept("answer")
    assert (leg.ring(), leg.phase) == (False, LegPhase.TALKING)


def test_a_caller_is_told_under_the_name_that_it_knows() -> None:
    assert said(hang_up(caller(), BUSY)) == [("hangup", "TJS1")]
    leg = caller()
    leg.learn_callsid()
    assert said(hang_up(leg, BUSY)) == [("hangup", "CA1")]


def test_a_callee_that_was_not_offered_the_call_needs_no_word() -> None:
    leg = callee(ringing=False)
    assert cancel(leg) == [Release(leg)]
    assert said(cancel(callee())) == [("cancel", "CA2")]


def test_a_leg_ends_once() -> None:
    leg = callee()
    assert drop(leg) == [Release(leg)]
    assert (drop(leg), cancel(leg), hang_up(leg), leg.ring()) == ([], [], [], False)


def test_the_time_without_a_path_counts_from_its_loss() -> None:
    leg = callee()
    for now in (5.0, 9.0):
        leg.note_path(False, now)
    assert leg.silent_at == 5.0
    leg.note_path(True, 10.0)
    assert leg.silent_at is None


def writes(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Every attribute that is assigned, changed in place, or deleted."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load))


def trees() -> Iterator[tuple[str, ast.Module]]:
    return ((path.name, ast.parse(path.read_text())) for path in sorted(ROOM.glob("*.py")))


def test_no_other_file_writes_a_leg() -> None:
    wrong = [f"{name}:{node.lineno}: {ast.unparse(node)}" for name, tree in trees() if name != "call_leg.py"
             for node in writes(tree) if node.attr in FIELDS and ast.unparse(node.value) != "self"]  # fmt: skip

    assert not wrong


def test_nothing_reaches_into_what_another_object_keeps_for_itself() -> None:
    private = [f"{name}:{node.lineno}: {ast.unparse(node)}" for name, tree in trees() for node in ast.walk(tree)
               if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
               and ast.unparse(node.value) not in ("self", "cls")]  # fmt: skip

    assert not private
