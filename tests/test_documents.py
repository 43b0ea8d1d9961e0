"""What is written leads somewhere: references to the specification, links between pages, names of files."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "docs" / "spec"
PLACES = ("agent", "hw", "tests", "bench", "docs", "examples")
READ = {".py", ".md", ".toml", ".js", ".html", ".cfg"}
MARGIN = re.compile(r"\n[ \t]*#?[ \t]*")  # a reference may go on in the next line of a comment

REFERENCE = re.compile(r"\bspec:(?!\s*PAGE SECTION)\s*")
NUMBERS = r"\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)?"
ITEM = re.compile(rf"(?P<page>[a-z]+)(?: (?P<number>{NUMBERS}))?|(?P<further>{NUMBERS})")
BETWEEN = re.compile(r"(?:[,;]| and) ")
UNSAID = re.compile(r"\b[Tt]he[ _]seeds?\b|\bseed'?_?s_|\bseed's\b|\bdesign: \d|\(oracle \d")

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"```.*?```|^ {4}.*$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|toml|sh|cfg|js|html|service|rules|yaml)|(?:[\w.-]+/)+[\w.-]*)`")
CLASS = re.compile(r"`((?!RTC)[A-Z]+[a-z][A-Za-z]+)(\.[a-z_]\w*)?`")  # those of aiortc begin with RTC
BELONGS_TO_US = ("agent/", "hw/", "tests/", "bench/", "docs/", "examples/", "systemd/", "scripts/", "packaging/")

# Pages whose file names and links are not checked yet: they describe files that are about to move.
AHEAD: frozenset[str] = frozenset()


def sources() -> list[Path]:
    inside = [path for place in PLACES for path in sorted((ROOT / place).rglob("*")) if path.suffix in READ]
    top = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "config.toml"]
    return [path for path in [*top, *inside] if path.exists() and "node_modules" not in path.parts]


def pages() -> list[Path]:
    return [path for path in sources() if path.suffix == ".md"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def sections(page: Path) -> set[str]:
    """The numbers of a page's headings, and of the points of a list below one: `5.6` is point 6 of section 5."""
    found, heading = set(), ""
    for line in page.read_text().splitlines():
        if match := re.match(r"#+ (\d+(?:\.\d+)?)\.? ", line):
            heading = match[1]
            found.add(heading)
        elif heading and (match := re.match(r"(\d+)\. ", line)):
            found.add(f"{heading}.{match[1]}")
    return found


def references(text: str) -> list[str]:
    """`spec: device 3, 5; signaling 8` as `["device 3", "device 5", "signaling 8"]`; what is none, as it stands."""
    flat = MARGIN.sub(" ", text)
    found = []
    for start in REFERENCE.finditer(flat):
        items = _items(flat, start.end())
        found += items or [flat[start.start() : start.end() + 20]]
    return found


def _items(flat: str, at: int) -> list[str]:
    found, page = [], ""
    while match := ITEM.match(flat, at):
        is_first = not found
        if match["page"] and not is_first and not (SPEC / f"{match['page']}.md").exists():
            break  # an ordinary word after the reference
        page = match["page"] or page
        number = match["number"] or match["further"]
        ends = number.split("-") if number else [""]
        found += [f"{page} {end}".strip() for end in ends]
        between = BETWEEN.match(flat, match.end())
        if not between:
            break
        at = between.end()
    return found


def leads_nowhere(reference: str) -> bool:
    page, _, number = reference.partition(" ")
    path = SPEC / f"{page}.md"
    return not path.exists() or (bool(number) and number not in sections(path))


@pytest.mark.parametrize("path", sources(), ids=name)
def test_every_reference_to_the_specification_leads_to_a_section(path: Path) -> None:
    text = path.read_text()
    if path == Path(__file__):
        return

    assert not [reference for reference in references(text) if leads_nowhere(reference)]
    assert not UNSAID.findall(text), "say what is meant: the SDK, or a section of docs/spec"


@pytest.mark.parametrize("path", sorted(SPEC.glob("*.md")), ids=name)
def test_pages_of_the_specification_refer_to_sections_that_exist(path: Path) -> None:
    inside = re.findall(rf"\[([a-z]+)\]\(\1\.md\),? ({NUMBERS})", path.read_text())

    assert not [" ".join(reference) for reference in inside if leads_nowhere(" ".join(reference))]


def test_references_are_read_as_they_are_written() -> None:
    assert references("(spec: device 3, 5; signaling 8) and 9") == ["device 3", "device 5", "signaling 8"]
    assert references("of spec: recovery 2-4.1, in their order") == ["recovery 2", "recovery 4.1"]
    assert references("(spec: oracle 6; quality 3 and 6.3).") == ["oracle 6", "quality 3", "quality 6.3"]
    assert references("# see spec: signaling\n    # 7, `listen`") == ["signaling 7"]
    assert references("spec: quality") == ["quality"]


@pytest.mark.parametrize("text", ["spec: devise 3", "spec: device 99", "spec: device 7.9", "spec: §7", "spec:"])
def test_a_reference_that_leads_nowhere_is_found(text: str) -> None:
    assert any(leads_nowhere(reference) for reference in references(text))


def test_enough_references_are_found_to_mean_something() -> None:
    assert sum(len(references(path.read_text())) for path in sources() if path != Path(__file__)) > 90


def anchors(path: Path) -> set[str]:
    """The names that headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path, text: str) -> list[str]:
    broken = []
    for target, anchor in LINK.findall(text):
        where = (path.parent / target).resolve() if target else path
        if not where.exists() or (anchor and anchor not in anchors(where)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    return broken


def missing_files(path: Path, text: str) -> list[str]:
    """File names in code font that are neither beside the page nor in the program."""
    return [
        file for file in FILE.findall(text)
        if (("/" not in file and file.endswith(".md")) or file.startswith(BELONGS_TO_US))
        and not (ROOT / file).exists() and not (path.parent / file).exists()
    ]  # fmt: skip


@cache
def members() -> dict[str, set[str]]:
    """What each class of the program has: declared, given to itself, or inherited from another one of the program."""
    nodes = [node for top in ("agent", "hw") for path in (ROOT / top).rglob("*.py")
             for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]  # fmt: skip
    found = {node.name: {name for each in ast.walk(node) if (name := _named(each))} for node in nodes}
    for _ in range(4):  # generations of heirs
        for node in nodes:
            bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
            found[node.name] |= {name for base in bases for name in found.get(base, ())}
    return found


def _named(node: ast.AST) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
            return name
    return ""


def unknown_names(text: str) -> list[str]:
    """Classes in code font, and what is said to be theirs, that the program does not have."""
    return [f"{owner}{member}" for owner, member in CLASS.findall(text)
            if owner not in members() or (member and member[1:] not in members()[owner])]  # fmt: skip


def test_the_classes_that_the_architecture_names_are_there() -> None:
    assert unknown_names((ROOT / "docs" / "architecture.md").read_text()) == []


def test_a_class_or_a_method_that_is_gone_is_found() -> None:
    assert unknown_names("`Device.setup`, `AlsaSound.write`, `Nobody`, `Device.fly`") == ["Nobody", "Device.fly"]


@pytest.mark.parametrize("path", [path for path in pages() if name(path) not in AHEAD], ids=name)
def test_links_and_names_of_files_lead_somewhere(path: Path) -> None:
    text = CODE.sub("", path.read_text())

    assert not broken_links(path, text)
    assert not missing_files(path, text)


def test_a_broken_link_and_a_missing_file_are_found() -> None:
    readme = ROOT / "README.md"

    assert broken_links(readme, "[a](docs/nothing.md) [b](docs/spec/README.md) [c](docs/spec/README.md#nothing)") == [
        "docs/nothing.md", "docs/spec/README.md#nothing",
    ]  # fmt: skip
    assert missing_files(readme, "`agent/nothing.py`, `agent/errors.py`, `hw/nothing/`, `any.py`") == [
        "agent/nothing.py", "hw/nothing/",
    ]  # fmt: skip


def test_the_readme_says_first_what_it_is_and_how_to_run_it() -> None:
    readme = (ROOT / "README.md").read_text()
    screen = "\n".join(readme.splitlines()[:20])
    headings = re.findall(r"^## (.+)$", readme, re.MULTILINE)

    assert "./run.sh" in screen
    assert "./test.sh" in screen
    assert headings[:3] == ["Install it on a Pi", "The box", "Settings"]
    choice = readme.split("## Which service\n")[1].split("\n## ")[0]
    assert "](docs/twilio.md)" in choice and "](#without-a-voice-service)" in choice
    figures = readme.split("## Measured\n")[1].split("\n## ")[0]
    assert figures.count("\n- ") <= 5 and "|---" not in figures
    assert "(docs/benchmarks.md)" in figures


def test_the_pictures_are_small_and_each_is_shown() -> None:
    """`python -m tests.e2e.screenshots` takes them anew."""
    pictures = sorted((ROOT / "docs" / "screenshots").iterdir())
    shown = "".join(path.read_text() for path in pages())

    assert pictures
    assert sum(path.stat().st_size for path in pictures) <= 300_000
    assert not [path.name for path in pictures if f"screenshots/{path.name}" not in shown]
