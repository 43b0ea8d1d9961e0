"""The state folder: keys and certificates, whole or made anew."""

from __future__ import annotations

import datetime as dt
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from agent.errors import ConfigError
from agent.switchboard import certificates
from agent.switchboard.state_dir import StateDir, server_names

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
NAMES = ("localhost", "127.0.0.1", "::1", "box.local")
SECRETS = ("api_key.json", "authority.pem", "server.pem")


def server_certificate(folder: Path) -> x509.Certificate:
    return certificates.parse_identity((folder / "server.pem").read_bytes()).certificate


def test_the_first_start_makes_everything_and_the_second_keeps_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "state"
    first = StateDir(folder, NAMES, NOW)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    second = StateDir(folder, NAMES, NOW + dt.timedelta(days=1))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert first.api_key == second.api_key


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    StateDir(tmp_path / "state", NAMES, NOW)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    for name in SECRETS:
        assert (tmp_path / "state" / name).stat().st_mode & 0o777 == 0o600


def test_the_certificate_covers_every_name(tmp_path: Path) -> None:
    StateDir(tmp_path, NAMES, NOW)
    covered = server_certificate(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert covered.get_values_for_type(x509.DNSName) == ["localhost", "box.local"]
    assert [str(address) for address in covered.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_names_cover_loopback_host_and_listen_address() -> None:
    names = server_names("192.168.7.7", ("door.example",))
    assert {"localhost", "127.0.0.1", "::1", os.uname().nodename, "192.168.7.7", "door.example"} <= set(names)
    assert "0.0.0.0" not in server_names("0.0.0.0")


@pytest.mark.parametrize("name", ["api_key.json", "server.pem", "ca.pem"])
@pytest.mark.parametrize("damage", [b"", b"torn", b"-----BEGIN CERTIFICATE-----\nMIIB"], ids=["empty", "junk", "torn"])
def test_a_torn_file_is_made_anew(tmp_path: Path, name: str, damage: bytes) -> None:
    StateDir(tmp_path, NAMES, NOW)
    (tmp_path / name).write_bytes(damage)
    state = StateDir(tmp_path, NAMES, NOW)
    assert (tmp_path / name).read_bytes() != damage
    assert trusted(state)


def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    state = StateDir(tmp_path, NAMES, NOW)
    authority, old = state.ca_file.read_bytes(), server_certificate(tmp_path)
    assert not state.renew(NOW + dt.timedelta(days=300))
    assert state.renew(NOW + dt.timedelta(days=380))
    assert server_certificate(tmp_path).not_valid_after_utc > old.not_valid_after_utc
    assert state.ca_file.read_bytes() == authority


def test_a_new_name_makes_a_new_certificate(tmp_path: Path) -> None:
    StateDir(tmp_path, NAMES, NOW)
    before = server_certificate(tmp_path)
    StateDir(tmp_path, (*NAMES, "10.0.0.9"), NOW)
    assert server_certificate(tmp_path) != before


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file/state"):
        StateDir(tmp_path / "file" / "state", NAMES, NOW)


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    key = StateDir(tmp_path, NAMES, NOW).api_key
    assert key.secret not in repr(key)


def trusted(state: StateDir) -> bool:
    """Whether a strict client that trusts `ca.pem` would take the server's certificate."""
    client = ssl.create_default_context(cafile=state.ca_file)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    far = state.ssl_context().wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for end in (near, far):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
    return True
