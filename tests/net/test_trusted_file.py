"""A file of authorities that changes is read again; one that is damaged is not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.net.trusted_file import TrustedFile
from bench.rig.certificate import make_certificate


def authority(folder: Path, name: str) -> bytes:
    made = folder / f"{name}.pem"
    make_certificate(made, folder / f"{name}.key", (name,))
    return made.read_bytes()


def trusted(trust: TrustedFile) -> list[str]:
    return [str(dict(part[0] for part in one["subject"])["commonName"]) for one in trust.context().get_ca_certs()]


def test_a_file_that_was_replaced_is_trusted_from_the_next_connection_on(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority(tmp_path, "first"))
    trust = TrustedFile(str(file))
    assert trusted(trust) == ["first"]
    unchanged = trust.context()
    assert trust.context() is unchanged

    file.write_bytes(authority(tmp_path, "second") + authority(tmp_path, "third"))

    assert sorted(trusted(trust)) == ["second", "third"]


@pytest.mark.parametrize("text", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA", None])
def test_a_file_that_cannot_be_used_leaves_the_old_one_in_use_and_is_told_once(
    tmp_path: Path, text: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority(tmp_path, "first"))
    trust = TrustedFile(str(file))
    caplog.set_level(logging.INFO)

    file.write_bytes(text) if text is not None else file.unlink()

    assert [trusted(trust) for _ in range(3)] == [["first"]] * 3
    assert len(caplog.records) == 1
    file.write_bytes(authority(tmp_path, "second"))
    assert trusted(trust) == ["second"]
    assert "works again" in caplog.text


def test_a_file_that_cannot_be_used_at_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        TrustedFile(str(tmp_path / "nothing.pem"))


def test_without_a_file_the_systems_authorities_are_trusted() -> None:
    assert TrustedFile().context() is not None
