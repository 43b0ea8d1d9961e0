"""What docs/api.md shows can be written: imports, options, methods and events exist."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import pytest

from agent import Connection, Device
from agent.voice.options import DeviceOptions
from tests.examples.stage import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
NAMED = {"device": Device, "connection": Connection}
NODES = [node for block in BLOCKS for node in ast.walk(ast.parse(block))]


def told_events(thing: type) -> set[str]:
    """The events that the class says it has."""
    return set(re.findall(r"[a-zA-Z_]+(?:-[a-z]+)?", (thing.__doc__ or "").split("Events:")[1]))


def table_events(heading: str) -> Iterator[str]:
    table = PAGE.split(f"| Of the {heading} |")[1].split("\n\n")[0]
    for row in table.splitlines()[2:]:
        yield from re.findall(r"`([^`]+)`", row.split("|")[1])


def test_every_import_finds_what_it_names() -> None:
    imports = [node for node in NODES if isinstance(node, ast.ImportFrom)]

    assert len(imports) > 5
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


def test_every_method_exists_and_every_option_is_one() -> None:
    calls = [node for node in NODES if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    ours = [(call, call.func.value.id, call.func.attr) for call in calls
            if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
            and call.func.value.id in NAMED]  # fmt: skip

    assert len(ours) > 10
    for call, name, method in ours:
        assert callable(getattr(NAMED[name], method))
        if method == "setup":
            assert all(word.arg in vars(DeviceOptions()) for word in call.keywords)


@pytest.mark.parametrize(("heading", "thing"), [("Device", Device), ("Connection", Connection)])
def test_the_tables_have_every_event(heading: str, thing: type) -> None:
    events = told_events(thing)
    listed = set(table_events(heading))

    assert listed <= events
    assert {"ready", "incoming"} <= listed if thing is Device else {"accept", "sample", "digit"} <= listed


def test_every_example_is_listed() -> None:
    assert {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")} == set(
        re.findall(r"`(examples/\w+\.py)` \|", PAGE)
    )
