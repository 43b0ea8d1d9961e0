"""Connections that use whichever address works."""

from __future__ import annotations

import gevent
import pytest
from gevent import socket

from agent.net import dial as dial_module
from agent.net.dial import dial, route_source
from bench.rig.ports import unused_port


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def resolve_to(monkeypatch, *addresses):
    found = [
        (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
        for host, port in addresses
    ]
    monkeypatch.setattr(dial_module.socket, "getaddrinfo", lambda *args, **kw: found)


def test_a_name_is_resolved_and_connected(listener):
    with dial("localhost", listener.getsockname()[1]) as sock:
        assert sock.getpeername() == listener.getsockname()


def test_an_address_that_refuses_costs_no_time(listener, monkeypatch):
    monkeypatch.setattr(dial_module, "STAGGER_S", 60)
    resolve_to(monkeypatch, ("127.0.0.1", unused_port()), listener.getsockname())
    with gevent.Timeout(10), dial("any", 1) as sock:
        assert sock.getpeername() == listener.getsockname()


def test_an_address_that_swallows_packets_does_not_hold_up_the_other(listener, monkeypatch):
    with full_listener() as deaf:
        resolve_to(monkeypatch, deaf, listener.getsockname())
        with gevent.Timeout(10), dial("any", 1) as sock:
            assert sock.getpeername() == listener.getsockname()


def test_when_no_address_answers_the_first_reason_is_given(monkeypatch):
    resolve_to(monkeypatch, ("127.0.0.1", unused_port()), ("127.0.0.1", unused_port()))
    with pytest.raises(ConnectionRefusedError):
        dial("any", 1)


def test_a_name_that_does_not_exist_is_an_error():
    with pytest.raises(socket.gaierror):
        dial("no-such-host.invalid", 1)


def test_the_families_are_tried_in_turn():
    six, four = (socket.AF_INET6, "6"), (socket.AF_INET, "4")
    assert dial_module._alternate([six, (socket.AF_INET6, "6b"), four]) == [six, four, (socket.AF_INET6, "6b")]


def test_the_kernel_knows_where_it_would_send_from():
    assert route_source(socket.AF_INET, ("127.0.0.1", 9)) == "127.0.0.1"


class full_listener:
    """An address whose queue of connections is full: a new one gets no answer at all."""

    def __enter__(self):
        self.sockets = [socket.socket()]
        self.sockets[0].bind(("127.0.0.1", 0))
        self.sockets[0].listen(0)
        address = self.sockets[0].getsockname()
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            self.sockets.append(filler)
        return address

    def __exit__(self, *_exc):
        for each in self.sockets:
            each.close()
