"""docs/compatibility.md says something of every member, and every proof that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from agent import Connection, Device
from agent.events import Emitter
from agent.voice.options import DeviceOptions
from tests.conformance import deviations

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "compatibility.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith(("| **", "| Member"))
]
PROOFS = sorted({proof for row in ROWS for proof in row[4].split(", ") if proof and proof != "conformance"})
INHERITED = {name for name in dir(Emitter) if not name.startswith("_")}
INTERNAL = {"encoded_parameters", "stream", "options"}


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def snake(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower()


def public_members(cls: type) -> list[str]:
    found = {name for base in cls.__mro__ if base.__module__.startswith("agent.voice") for name in vars(base)}
    return sorted(n for n in found - INHERITED - INTERNAL if not n.startswith(("_", "on_")))


def is_mentioned(name: str) -> bool:
    words = {snake(word) for row in ROWS for cell in (row[0], row[3]) for word in re.findall(r"\w+", cell)}
    return name in words or name.replace("_", "") in {word.replace("_", "") for word in words}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_what_is_done_and_proves_it(row: list[str]) -> None:
    member, later, here, how, proof = row

    assert member and later
    assert here in ("same", "deviates", "not applicable", "added")
    assert how or here == "same"
    assert proof or here == "not applicable"


@pytest.mark.parametrize("proof", PROOFS)
def test_a_proof_exists(proof: str) -> None:
    file, _, name = proof.partition("::")

    assert name in names_in(file)


@pytest.mark.parametrize("option", sorted(vars(DeviceOptions())))
def test_every_option_has_a_row(option: str) -> None:
    assert is_mentioned(option)


@pytest.mark.parametrize("member", public_members(Device))
def test_every_member_of_a_device_has_a_row(member: str) -> None:
    assert is_mentioned(member)


@pytest.mark.parametrize("member", public_members(Connection))
def test_every_member_of_a_connection_has_a_row(member: str) -> None:
    assert is_mentioned(member)


@pytest.mark.parametrize("deviation", deviations.load(), ids=lambda each: each.name)
def test_every_deviation_of_the_replays_has_its_row(deviation: deviations.Deviation) -> None:
    rows = [row[3].lower() for row in ROWS if row[2] == "deviates"]

    assert any(deviation.name.lower() in row for row in rows)
