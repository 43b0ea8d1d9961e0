"""docs/fleet.md: the two files of a box fit together, and `check` says of them what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.config import load, origins

PAGE = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
BLOCKS = [re.sub("(?m)^ {4}", "", block) for block in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", PAGE, re.MULTILINE)]
ETC = "/etc/kiosk-agent"


def snippet(file: str) -> str:
    """What stands behind the comment that names a file, as far as the next one."""
    parts = [part for block in BLOCKS for part in re.split(r"(?m)^(?=# /)", block)]
    (found,) = [part for part in parts if part.startswith(f"# {ETC}/{file}")]
    return found.rstrip() + "\n"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/50-box.toml").write_text(snippet("config.d/50-box.toml"))
    (tmp_path / "ca.pem").symlink_to("/etc/ssl/certs/ca-certificates.crt")
    path = tmp_path / "config.toml"
    (tmp_path / "key.json").touch()  # systemd's copy is there while the service runs
    path.write_text(snippet("config.toml").replace("/run/credentials/kiosk-agent.service/", ""))
    return path


def test_the_two_files_are_one_box(settings: Path) -> None:
    config = load(settings)

    assert config.box.identity == "gate-017"
    assert (config.buttons["call"].pin, config.buttons["call"].short) == (23, "call:reception?gate=17")
    assert set(config.buttons) == {"call"}
    assert config.metrics.is_used


def test_what_check_says_of_them_stands_there(settings: Path) -> None:
    (shown,) = [block for block in BLOCKS if "check --where" in block]
    told = [line.replace(str(settings.parent), ETC) for line in origins(settings)]
    lines = [line for line in shown.splitlines() if line.startswith("/") and not line.endswith(": ok")]

    assert len(lines) == 4
    assert set(lines) <= set(told)
