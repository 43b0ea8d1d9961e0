"""The adapters alone know the private names of the libraries below the media, and only those that they use."""

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

import agent.media
from agent.media.dtls import aiortc_adapter
from agent.media.ice import aioice_adapter

MEDIA = Path(agent.media.__file__).parent
ADAPTERS = {"aiortc": aiortc_adapter, "aioice": aioice_adapter}


def names(adapter):
    return {name for group in adapter.PRIVATE_NAMES.values() for name in group}


def list_of_names(tree):
    """The statement that gives PRIVATE_NAMES its value."""
    return next(node for node in tree.body if "PRIVATE_NAMES" in ast.unparse(node) and isinstance(node, ast.Assign))


@pytest.mark.parametrize(("library", "pinned"), [("aiortc", "1.16."), ("aioice", "0.13.")])
def test_pinned_version_is_installed(library, pinned):
    assert version(library).startswith(pinned)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_every_name_of_the_list_is_used(adapter):
    tree = ast.parse(Path(adapter.__file__).read_text())
    tree.body.remove(list_of_names(tree))
    uses = ast.unparse(tree)
    assert [name for name in names(adapter) if name not in uses] == []


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_no_other_file_touches_a_private_name(adapter):
    for path in MEDIA.rglob("*.py"):
        if path == Path(adapter.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in names(adapter):
                assert isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"), (path.name, node.attr)
