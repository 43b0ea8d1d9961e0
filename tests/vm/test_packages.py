"""The Debian package on a board of its own, where systemd starts, tries and takes back what it brings.

Needs VMBENCH_CACHE and root; a quarter of an hour.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.install.packages import build, later
from tests.vm.report import needs_machine, report_of

pytestmark = [
    needs_machine,
    pytest.mark.skipif(os.environ.get("VMBENCH_SUITE", "bookworm") != "bookworm", reason="a package is for one Debian"),
    pytest.mark.timeout(2400),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    def prepare(checkout: Path) -> None:
        packages = checkout / "packages"
        packages.mkdir()
        first = build(tmp_path_factory.mktemp("package"))
        shutil.move(later(first, "7.1"), packages / "7.1.deb")
        shutil.move(later(first, "7.2", works=False), packages / "7.2.deb")
        shutil.move(first, packages / "first.deb")

    return report_of("package_job.py", tmp_path_factory, timeout_s=1200, prepare=prepare)


@pytest.mark.parametrize(
    "check",
    [
        "installs",
        "has_a_switchboard",
        "registers_with_settings_in_layers",
        "takes_changes_with_a_key_for_root_alone",
        "is_updated_on_trial",
        "one_that_never_gets_ready_is_refused_once",
        "goes_back_by_an_older_package",
        "is_not_enabled_by_an_update",
        "leaves_nothing",
    ],
)
def test_the_package_passes_its_checks(report: str, check: str) -> None:
    assert f"\n{check} ok\n" in f"\n{report}"
