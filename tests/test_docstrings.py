"""Every public name says what it does: the verb first, one clause, the errors that it raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for top in ("agent", "hw") for path in (ROOT / top).rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef
Helpers = dict[str, set[str]]

# What a docstring may not begin with: these words do not say what is done.
NO_VERBS = {
    "A", "After", "All", "An", "Another", "Any", "As", "At", "Be", "Before", "Both", "Called", "Deprecated",
    "Each", "Either", "Every", "Everything", "Exactly", "For", "From", "Gain", "Helper", "Host", "How", "If",
    "In", "It", "Its", "Mean", "Method", "Milliseconds", "My", "No", "None", "Nothing", "Of", "On", "One",
    "Other", "Our", "Per", "Percent", "Same", "Seconds", "Six", "Some", "Somebody", "Something", "Sound",
    "State", "Text", "That", "The", "Their", "There", "These", "They", "This", "Those", "Time", "To", "True",
    "Two", "Utility", "Value", "Volume", "We", "What", "When", "Where", "Whether", "Which", "While", "Who",
    "Whose", "With", "Without", "You",
}  # fmt: skip
VERBS_IN_S = {"Pass", "Press", "Discuss", "Dismiss", "Address", "Guess", "Process", "Cross", "Express", "Focus"}
IS_NO = re.compile(r"(?<![Tt]here )\b(?:is|are) no (?!longer\b|more\b|such\b)[a-z]+")


@dataclass(frozen=True)
class Public:
    """A public class, function or method, and where it stands."""

    where: str
    node: ast.ClassDef | Function
    helpers: Helpers  # of its file

    @property
    def doc(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def is_property(self) -> bool:
        names = {ast.unparse(decorator).split(".")[-1] for decorator in getattr(self.node, "decorator_list", ())}
        return bool(names & {"property", "cached_property", "setter"})

    @property
    def is_stub(self) -> bool:
        """A member of a Protocol that has nothing but its name and types."""
        return len(self.node.body) == 1 and ast.unparse(self.node.body[0]) == "..."


def publics(source: str, where: str) -> Iterator[Public]:
    tree = ast.parse(source)
    return _inside(tree, where, _helpers(tree))


def _inside(tree: ast.Module | ast.ClassDef, where: str, helpers: Helpers) -> Iterator[Public]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield Public(f"{where}.{node.name}", node, helpers)
            if isinstance(node, ast.ClassDef):
                yield from _inside(node, f"{where}.{node.name}", helpers)


def _helpers(tree: ast.Module) -> Helpers:
    """What the private functions of a file raise, by their names."""
    found: Helpers = {}
    for node in ast.walk(tree):
        if isinstance(node, Function) and re.match(r"_[^_]", node.name):
            found.setdefault(node.name, set()).update(raised(node))
    return found


def begins_with_a_verb(text: str) -> bool:
    word = text.split()[0].rstrip(",:;.") if text else ""
    looks_like_one = re.fullmatch(r"[A-Z][a-z]+(?:-[a-z]+)*", word) is not None
    return looks_like_one and word not in NO_VERBS and (not word.endswith("s") or word in VERBS_IN_S)


def raised(node: ast.AST) -> set[str]:
    """The names of the errors that the function raises itself, not those of functions within it."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            error = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            name = ast.unparse(error).split(".")[-1]
            found |= {name} if name[0].isupper() and name != "NotImplementedError" else set()
        found |= raised(child) if not _catches_all(child) else set()
    return found


def _catches_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Try) and any(
        isinstance(handler.type, ast.Name) and handler.type.id == "Exception" and not raised(handler)
        for handler in node.handlers
    )


def raised_through(node: ast.AST, helpers: Helpers) -> set[str]:
    """What private functions of the same file raise that are called here, outside of any `try`."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda | ast.Try):
            continue
        if isinstance(child, ast.Call):
            found |= helpers.get(ast.unparse(child.func).removeprefix("self.").removeprefix("cls."), set())
        found |= raised_through(child, helpers)
    return found


def complaints(public: Public) -> list[str]:
    """What is wrong with the docstring."""
    if not public.doc:
        return [] if public.is_stub else [f"{public.where}: it has no docstring"]
    first = public.doc.splitlines()[0]
    found = []
    if not first.endswith((".", ":", "…")):
        found.append(f"{public.where}: its first line does not end with a period: {first}")
    if isinstance(public.node, Function) and not public.is_property and not begins_with_a_verb(first):
        found.append(f"{public.where}: begin with a verb in the imperative: {first}")
    if match := IS_NO.search(" ".join(public.doc.split())):
        found.append(f"{public.where}: say `is not a` for `{match[0]}`")
    errors = raised(public.node) | raised_through(public.node, public.helpers)
    unsaid = {name for name in errors if name not in public.doc}
    if isinstance(public.node, Function) and unsaid:
        found.append(f"{public.where}: it does not say that it raises {', '.join(sorted(unsaid))}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_public_names_say_what_they_do(path: Path) -> None:
    where = ".".join(path.relative_to(ROOT).with_suffix("").parts)

    assert not [each for public in publics(path.read_text(), where) for each in complaints(public)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_says_what_it_holds(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text()))

    assert doc is not None
    assert not IS_NO.search(" ".join(doc.split()))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('"""The figures."""', "begin with a verb"),
        ('"""Whether it rings."""', "begin with a verb"),
        ('"""Returns the figures."""', "begin with a verb"),
        ('"""`x` of it."""', "begin with a verb"),
        ('"""Return the figures"""', "does not end with a period"),
        ('"""Drop what is no packet."""', "say `is not a`"),
        ('"""Begin."""\n    raise ValueError("no")', "raises ValueError"),
        ('"""Begin."""\n    if x:\n        raise errors.SdpError("no") from None', "raises SdpError"),
        ("pass", "has no docstring"),
    ],
)
def test_what_is_wrong_is_found(body: str, complaint: str) -> None:
    (public,) = publics(f"def f(x):\n    {body}\n", "there")

    assert complaint in "".join(complaints(public))


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """Return what there is no name for; None when it is no longer there."""\n',
        'def f():\n    """Begin; raises ValueError."""\n    raise ValueError\n',
        'def f():\n    """Begin."""\n    try:\n        go()\n    except OSError as error:\n        raise\n',
        'def _f():\n    raise ValueError\n',
        'class C:\n    """One call."""\n\n    @property\n    def x(self):\n        """Whether it rings."""\n',
        'class P(Protocol):\n    """A neighbour."""\n\n    def x(self): ...\n',
    ],
)
def test_what_is_right_is_left_alone(source: str) -> None:
    assert not [each for public in publics(source, "there") for each in complaints(public)]


def test_an_error_of_a_helper_is_one_of_the_function() -> None:
    helper = 'def _check():\n    raise ValueError\n\n\n'
    public, caught = publics(helper + 'def f():\n    """Begin."""\n    _check()\n\n\n'
                             'def g():\n    """Begin."""\n    try:\n        _check()\n    except ValueError:\n'
                             '        pass\n', "there")  # fmt: skip

    assert "raises ValueError" in "".join(complaints(public))
    assert not complaints(caught)
