"""What clients trust: it outlives clocks and damage, and changes only when somebody wants it to."""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from agent.errors import ConfigError, InvalidStateError
from agent.switchboard import certificates, listener, server
from agent.switchboard.state_dir import StateDir
from agent.switchboard.trust import Trust

from .phones import Site
from .talkers import until
from .test_state_dir import server_certificate, trusted

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
NAMES = ("localhost",)
CLOCKS = {
    "1970": dt.datetime(1970, 1, 1, 0, 0, 5, tzinfo=dt.UTC),
    "50 years back": NOW - 50 * YEAR,
    "3 years back": NOW - 3 * YEAR,
    "30 years on": NOW + 30 * YEAR,
    "2106": dt.datetime(2106, 2, 8, tzinfo=dt.UTC),
}


def trusted_at(state: StateDir, when: dt.datetime) -> bool:
    """Whether a client whose clock says so takes the server's certificate for one of this site."""
    mine, authorities = server_certificate(state.folder), x509.load_pem_x509_certificates(state.ca_file.read_bytes())
    now = [one.not_valid_before_utc <= when <= one.not_valid_after_utc for one in (mine, authorities[0])]
    mine.verify_directly_issued_by(authorities[0])
    return all(now)


@pytest.mark.parametrize("clock", CLOCKS)
def test_no_clock_replaces_the_authority(tmp_path: Path, clock: str) -> None:
    before = StateDir(tmp_path, NAMES, NOW).ca_file.read_bytes()

    wrong = StateDir(tmp_path, NAMES, CLOCKS[clock])
    assert wrong.ca_file.read_bytes() == before
    assert trusted_at(wrong, CLOCKS[clock])

    assert wrong.renew(NOW)
    assert wrong.ca_file.read_bytes() == before
    assert trusted(wrong)


@pytest.mark.parametrize("clock", CLOCKS)
def test_an_authority_made_by_a_wrong_clock_is_good_at_the_right_time(tmp_path: Path, clock: str) -> None:
    state = StateDir(tmp_path, NAMES, CLOCKS[clock])
    state.renew(NOW)
    assert trusted_at(state, NOW)
    assert trusted(state)


def test_a_client_whose_clock_is_a_year_behind_is_served(tmp_path: Path) -> None:
    assert trusted_at(StateDir(tmp_path, NAMES, NOW), NOW - YEAR)


def test_a_server_certificate_is_not_longer_than_any_client_allows(tmp_path: Path) -> None:
    StateDir(tmp_path, NAMES, NOW)
    mine = server_certificate(tmp_path)
    assert mine.not_valid_after_utc - mine.not_valid_before_utc < dt.timedelta(days=825)


def test_an_authority_of_an_earlier_version_is_kept_beyond_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "ALWAYS", (NOW - YEAR, NOW + YEAR))
    before = StateDir(tmp_path, NAMES, NOW).ca_file.read_bytes()
    state = StateDir(tmp_path, NAMES, NOW + 2 * YEAR)
    state.renew(NOW + 2 * YEAR)
    assert state.ca_file.read_bytes() == before
    said = [record for record in caplog.records if record.levelname == "WARNING"]
    assert ["by this machine's clock it is not valid" in record.getMessage() for record in said] == [True]


@pytest.mark.parametrize("damage", [None, b"", b"torn", b"-----BEGIN PRIVATE KEY-----\nMIG", b"swapped"])
def test_a_damaged_authority_is_not_replaced_and_what_it_signed_serves_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    state = StateDir(tmp_path, NAMES, NOW)
    path = tmp_path / "authority.pem"
    whole, trust = path.read_bytes(), state.ca_file.read_bytes()
    if damage is None:
        path.unlink()
    else:
        swapped = certificates.make_authority().certificate_pem
        path.write_bytes(whole.replace(state.ca_file.read_bytes(), swapped) if damage == b"swapped" else damage)
    left = path.read_bytes() if damage is not None else None

    again = StateDir(tmp_path, ("localhost", "another.example"), NOW)
    assert again.renew(NOW + YEAR) is False
    assert again.ca_file.read_bytes() == trust
    assert (path.read_bytes() if path.exists() else None) == left
    assert trusted(again)
    assert "put authority.pem back" in caplog.text

    path.write_bytes(whole)
    with caplog.at_level(logging.INFO, "agent"):
        assert again.renew(NOW)
    assert "works again" in caplog.text


def test_a_start_without_anything_that_serves_says_what_to_do(tmp_path: Path) -> None:
    StateDir(tmp_path, NAMES, NOW)
    (tmp_path / "authority.pem").write_bytes(b"torn")
    (tmp_path / "server.pem").write_bytes(b"torn")
    with pytest.raises(ConfigError, match=r"server\.pem.*put authority\.pem back"):
        StateDir(tmp_path, NAMES, NOW)


def test_a_change_of_the_authority_loses_nobody_who_has_the_file_of_before_or_after(tmp_path: Path) -> None:
    state = StateDir(tmp_path, NAMES, NOW)
    trust, first = Trust(tmp_path), state.ca_file.read_bytes()

    trust.add()
    both = state.ca_file.read_bytes()
    assert state.renew(NOW) is False
    assert both.startswith(first) and verifies(state, first) and verifies(state, both)

    trust.switch()
    assert state.renew(NOW)
    assert verifies(state, both) and verifies(state, state.ca_file.read_bytes()) and not verifies(state, first)

    trust.switch()
    assert state.renew(NOW)
    assert verifies(state, first)

    trust.switch()
    trust.forget()
    assert state.renew(NOW)
    assert verifies(state, both) and verifies(state, state.ca_file.read_bytes())
    assert first not in state.ca_file.read_bytes()


def test_what_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    for act in (trust.add, trust.switch, trust.forget):
        with pytest.raises(InvalidStateError):
            act()
    StateDir(tmp_path, NAMES, NOW)
    before = trust.ca_file.read_bytes()
    for act in (trust.switch, trust.forget):
        with pytest.raises(InvalidStateError, match="add one first"):
            act()
    trust.add()
    with pytest.raises(InvalidStateError, match="two authorities already"):
        trust.add()
    assert trust.ca_file.read_bytes().startswith(before)
    (tmp_path / "authority.pem").write_bytes(b"torn")
    with pytest.raises(ConfigError, match=r"put authority\.pem back"):
        trust.switch()


def test_a_running_switchboard_follows_the_clock_and_the_authority(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RENEW_EVERY_S", 0.1)

    async def story(site: Site) -> None:
        folder = Path(site.switchboard.settings.state_dir)
        phone = await site.ready("alice")
        clock = dt.datetime.now(dt.UTC) + 3 * YEAR
        monkeypatch.setattr(listener, "_utc", lambda: clock)
        await until(lambda: server_certificate(folder).not_valid_after_utc > clock)
        monkeypatch.undo()
        monkeypatch.setattr(server, "RENEW_EVERY_S", 0.1)
        await until(lambda: server_certificate(folder).not_valid_before_utc < dt.datetime.now(dt.UTC))
        await site.ready("bob")

        for change in (Trust(folder).add, Trust(folder).switch):
            change()
        second = x509.load_pem_x509_certificates((folder / "ca.pem").read_bytes())[0]
        await until(lambda: issued_by(folder, second))
        site.context.load_verify_locations(cafile=folder / "ca.pem")
        await site.ready("carol")
        assert await phone.silent()

    play(story)


def issued_by(folder: Path, authority: x509.Certificate) -> bool:
    """Whether the certificate that is served was signed by it."""
    try:
        server_certificate(folder).verify_directly_issued_by(authority)
    except InvalidSignature:
        return False
    return True


def verifies(state: StateDir, ca: bytes) -> bool:
    """Whether a client with this file of authorities takes the server's certificate."""
    client = ssl.create_default_context(cadata=ca.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    far = state.ssl_context().wrap_bio(to_server, to_client, server_side=True)
    try:
        for end in (near, far, near, far):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    except ssl.SSLCertVerificationError:
        return False
    return True
