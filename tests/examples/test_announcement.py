"""The example that speaks SIP, at a PBX that the test plays."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent import subprocess

from tests.examples.stage import ROOT, write_tone
from tests.kiosk.pbx_stage import Pbx
from tests.signaling.sip.edge import DOMAIN, SECRETS

HZ = 700


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    pbx = Pbx(tmp_path)
    yield pbx
    pbx.close()


def start(pbx: Pbx, secret: str) -> Any:
    """The program; the PBX lives on this process's hub, which must not be held up by waiting for it."""
    (pbx.folder / "secret.txt").write_text(f"{secret}\n")
    words = write_tone(pbx.folder / "words.wav", HZ, 3)
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "examples.announcement", pbx.edge.uri, "--user", "kiosk", "--domain", DOMAIN,
               "--secret-file", str(pbx.folder / "secret.txt"), "--ca-file", pbx.edge.ca_file, "--say", words,
               "--calls", "1"]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def test_whoever_calls_hears_the_words_and_is_let_go(pbx: Pbx) -> None:
    phone = pbx.phone()
    program = start(pbx, SECRETS["kiosk"])
    assert program.stdout.readline() == "ready\n"

    phone.dial()

    phone.until_hears(HZ)
    phone.until_told("disconnect")
    said, complaint = program.communicate(timeout=60)
    assert (program.returncode, complaint) == (0, "")
    assert said == "call from sip:desk@pbx.test\n"


def test_a_refusal_ends_it_and_says_what_to_do(pbx: Pbx) -> None:
    program = start(pbx, "wrong-words")

    _said, complaint = program.communicate(timeout=60)

    assert program.returncode == 1
    assert "Check user, domain and secret in [sip]" in complaint and "wrong-words" not in complaint
