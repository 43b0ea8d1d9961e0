from __future__ import annotations

import pytest

from agent.page.settings import PageSettings
from hw.errors import SettingError


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "[::1]:8080", "localhost:8080"])
def test_a_page_for_this_machine_needs_no_password(listen: str) -> None:
    assert PageSettings(listen=listen).is_local


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "192.168.1.20:80", "[::]:80", "box.lan:80"])
def test_a_page_for_others_needs_one(listen: str) -> None:
    with pytest.raises(SettingError, match="set a password"):
        PageSettings(listen=listen)
    assert not PageSettings(listen=listen, password="long enough").is_local


def test_a_short_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingError, match="at least 8") as error:
        PageSettings(password="abc")
    assert "abc" not in str(error.value)


def test_an_address_is_split_into_host_and_port() -> None:
    settings = PageSettings(listen="[::1]:8443")
    assert (settings.host, settings.port) == ("::1", 8443)
