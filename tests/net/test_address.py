"""Addresses as people write them."""

import pytest

from agent.errors import InvalidArgumentError
from agent.net.address import split_address


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:8443", ("127.0.0.1", 8443)), ("[::1]:8443", ("::1", 8443)), ("box.example:0", ("box.example", 0))],
)
def test_host_and_port_are_told_apart(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(("text", "host"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")])
def test_a_host_alone_takes_the_default_port(text: str, host: str) -> None:
    assert split_address(text, 8443) == (host, 8443)


@pytest.mark.parametrize("text", ["127.0.0.1", "host:", "host:abc", "host:70000"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="write HOST:PORT"):
        split_address(text)
