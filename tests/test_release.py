"""What a release consists of: one version everywhere, types for those who build on it, a licence."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
from pathlib import Path

import pytest

import agent
import hw
from agent.cli import main
from agent.net.http import HttpHost
from agent.signaling.pstream.generation import FIRST, SECOND
from tests.signaling.web import Web

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def test_the_version_stands_in_one_place() -> None:
    assert SETUP["metadata"]["version"] == "attr: agent.program.VERSION"
    assert re.fullmatch(r"\d+\.\d+\.\d+", agent.__version__)
    assert importlib.metadata.version("kiosk-agent") == agent.__version__, "scripts/setup.sh has not run since"


def test_the_command_says_its_version_and_not_that_of_the_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"kiosk-agent {agent.__version__}\n"


def test_the_service_hears_of_the_sdk_and_of_the_program() -> None:
    for generation, version in ((FIRST, "1.15.1"), (SECOND, "2.18.5")):
        told = generation.browserinfo(generation.sdk_version)

        assert told["v"] == version
        assert told["browser"]["userAgent"].startswith(f"kiosk-agent/{agent.__version__} (")


def test_servers_of_tokens_and_reports_hear_of_the_program(tmp_path: Path) -> None:
    web = Web(tmp_path)
    with HttpHost(f"https://{web.host}", ca_file=str(web.ca_file)) as host:
        host.request("GET", "/", {})
        host.request("GET", "/", {"User-Agent": "another"})

    assert str(web.next_request().header("User-Agent")).startswith(f"kiosk-agent/{agent.__version__} (")
    assert web.next_request().header("User-Agent") == "another"
    web.close()


def test_the_latest_entry_of_the_changelog_is_this_version() -> None:
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert latest is not None
    assert latest[1] == agent.__version__


@pytest.mark.parametrize("package", [agent, hw], ids=lambda package: package.__name__)
def test_a_package_tells_that_it_has_types(package: object) -> None:
    name = str(getattr(package, "__name__", ""))

    assert (ROOT / name / "py.typed").exists()
    assert "py.typed" in SETUP["options.package_data"][name]


def test_the_licence_is_the_one_that_the_package_names() -> None:
    assert SETUP["metadata"]["license"] == (ROOT / "LICENSE").read_text().split()[0] == "MIT"


def test_the_checks_before_a_commit_need_nothing_but_the_checkout() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    entries = re.findall(r"entry: (.+)", text)

    assert len(entries) == text.count("- id:") == text.count("language: system")
    assert "repo: local" in text and text.count("repo:") == 1
    assert all(entry.startswith(".venv/bin/python -m ") for entry in entries)
    assert not [name for name in re.findall(r"tests/\S+\.py", text) if not (ROOT / name).exists()]
