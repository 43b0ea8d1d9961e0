"""docs/sip.md: each snippet for a box can be used as it stands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from agent.config import doubts, load, load_to_check

PAGE = (Path(__file__).parents[2] / "docs" / "sip.md").read_text()
SNIPPETS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_there_is_a_snippet_for_each_pbx() -> None:
    assert len(SNIPPETS) == 1 + len(re.findall(r"^## (?:Kamailio|Asterisk|FreeSWITCH)", PAGE, re.MULTILINE))


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_passes_the_check(tmp_path: Path, snippet: str) -> None:
    password = tmp_path / "sip-password"
    password.write_text("a-long-random-word\n")
    password.chmod(0o600)
    path = tmp_path / "config.toml"
    here = snippet.replace("/etc/kiosk-agent/sip-password", str(password))
    path.write_text(f'[box]\npins = "mock"\n[page]\nlisten = "127.0.0.1:0"\n{here}')

    load_to_check(path)
    assert doubts(path, load(path)) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_python(program: str) -> None:
    assert ast.parse(program).body
