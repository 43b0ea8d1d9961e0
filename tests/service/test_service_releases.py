"""Commands about installed versions become the script that stands beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import NotSupportedError
from agent.service.releases import hand_over, refused_release


def test_the_words_reach_the_script_which_runs_outside_of_any_folder_that_may_go(tmp_path: Path) -> None:
    (tmp_path / "releases.sh").write_text("#!/bin/sh\necho \"$PWD: $*\"; exit 3\n")
    (tmp_path / "releases.sh").chmod(0o755)
    program = "import sys; from pathlib import Path; from agent.service.releases import hand_over as go; " \
              "go('uninstall', '--purge', folder=Path(sys.argv[1]))"  # fmt: skip

    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (3, "/: uninstall --purge\n")


def test_without_an_installation_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotSupportedError, match="not installed here"):
        hand_over("rollback", folder=tmp_path)


def test_a_version_that_was_taken_back_is_named(tmp_path: Path) -> None:
    assert refused_release(tmp_path) == ""
    (tmp_path / "refused").symlink_to("releases/2.0-abc")

    assert refused_release(tmp_path) == "2.0-abc"
