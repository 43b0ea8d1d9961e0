"""The Python way of a packet is the reference, and the native core has to pass its tests: these rooms run over both."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.media.native import build, core

OVER_BOTH = (
    "codec/test_audio.py", "codec/test_digits_by_any_way.py", "codec/test_opus.py", "codec/test_receiver.py",
    "codec/test_sender.py", "dtls/test_handshake.py", "ice/test_lite.py", "ice/test_restart.py", "rtp/test_rtp.py",
    "test_peer.py", "test_peer_ends.py", "test_link.py", "test_pump.py", "test_session.py", "test_sound_desk.py",
    "test_strangers.py",
)  # fmt: skip
HERE = Path(__file__).parent


def can_build() -> bool:
    """Whether this machine has what building needs."""
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return shutil.which("cc") is not None and headers.exists()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a core that was built just now."""
    if not can_build():
        pytest.skip("needs a C compiler and Python's headers")
    folder = tmp_path_factory.mktemp("native")
    build.build(folder)
    return folder


@pytest.fixture(scope="session")
def loaded(built: Path) -> core.Verdict:
    found = core.load(built)
    assert found.module is not None, found.why
    return found


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let packets take the Python way, or the native one."""
    native = request.param == "native"
    found = request.getfixturevalue("loaded") if native else core.Verdict(None, "switched off by a test")
    monkeypatch.setattr(core, "verdict", lambda: found)
    yield request.param


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.path.is_relative_to(HERE) and str(metafunc.definition.path.relative_to(HERE)) in OVER_BOTH:
        metafunc.fixturenames.insert(0, "way")
        metafunc.parametrize("way", ["python", "native"], indirect=True)
