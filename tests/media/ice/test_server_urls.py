"""URLs of STUN and TURN servers."""

import pytest

from agent.errors import InvalidArgumentError
from agent.media.ice.server_urls import StunServer, TurnServer, parse_url, usable_servers
from agent.media.settings import IceServer


@pytest.mark.parametrize(
    "url, server",
    [
        ("stun:stun.example.org", StunServer("stun.example.org", 3478)),
        ("stun:192.0.2.1:1000", StunServer("192.0.2.1", 1000)),
        ("STUN:[2001:db8::1]:1000", StunServer("2001:db8::1", 1000)),
        ("turn:turn.example.org", TurnServer("turn.example.org", 3478, "udp", False, "u", "p")),
        ("turn:turn.example.org:80?transport=tcp", TurnServer("turn.example.org", 80, "tcp", False, "u", "p")),
        ("turns:turn.example.org", TurnServer("turn.example.org", 5349, "tcp", True, "u", "p")),
        ("turn:[2001:db8::1]", TurnServer("2001:db8::1", 3478, "udp", False, "u", "p")),
    ],
)
def test_url_is_understood(url, server):
    assert parse_url(url, "u", "p") == server


@pytest.mark.parametrize("url", ["", "turn", "turn:", "http://x", "turn:x:y", "turn:x?transport=sctp", "turn:a b"])
def test_other_text_is_refused(url):
    with pytest.raises(InvalidArgumentError):
        parse_url(url)


def test_every_usable_server_is_kept_once_and_in_order():
    stun, turn = usable_servers(
        (
            IceServer(("stun:a", "stun:b", "nonsense")),
            IceServer(("turn:a", "turns:a?transport=udp", "turns:a", "turn:a"), "u", "p"),
        )
    )
    assert [server.host for server in stun] == ["a", "b"]
    assert [(server.transport, server.tls) for server in turn] == [("udp", False), ("tcp", True)]
