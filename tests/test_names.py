"""One word, one thing: each public class, and each public alias of a type, has a name of its own in the whole tree."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def public_names(tree: ast.Module) -> Iterator[str]:
    """The classes of a module and the aliases in CamelCase that it gives to types; constants are in capitals."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name) and camel(target.id))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and camel(node.target.id):
            yield node.target.id


def camel(name: str) -> bool:
    return name[0].isupper() and not name.isupper()


def homes() -> dict[str, list[str]]:
    """Where each public name is at home."""
    found: dict[str, list[str]] = defaultdict(list)
    for top in ("agent", "hw"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for name in public_names(ast.parse(path.read_text())):
                if not name.startswith("_"):
                    found[name].append(str(path.relative_to(ROOT)))
    return found


def test_each_public_name_stands_for_one_thing() -> None:
    shared = {name: files for name, files in homes().items() if len(files) > 1}

    assert not shared, shared


def test_classes_and_aliases_are_found_and_constants_are_not() -> None:
    text = "class Call: ...\nPair = tuple[int, int]\nName: TypeAlias = str\nLIMIT_S: Final = 3\nlog = None"

    assert list(public_names(ast.parse(text))) == ["Call", "Pair", "Name"]
