"""A box that moves between networks in a call, in network namespaces."""

import socket
import subprocess

import gevent
import numpy as np
import pytest

from agent.media.session import MediaSession
from agent.media.settings import IceServer, MediaSettings
from agent.net.watch import NetworkWatch
from bench.rig import netns
from hw.sound.wav_sound import WavSound
from tests.media import turn_server

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not netns.available(), reason="needs root and network namespaces"),
]

PATIENCE_S = 30.0
TONE = (8_000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16).tobytes()


class End:
    """A session that talks without pause and counts what it hears."""

    def __init__(self, bridge, likely_address=None, **settings):
        self.heard = 0
        self.changes = []
        self.sound = WavSound(TONE, self._played, loop=True)
        self.session = MediaSession(bridge, MediaSettings(**settings), self.sound, lambda: likely_address)
        self.session.on("network_changed", self.changes.append)
        self.session.open_capture()

    def _played(self, frame):
        if np.abs(np.frombuffer(frame, np.int16)).max() > 500:
            self.heard += 1

    def until_hears(self, frames=10):
        before = self.heard
        until(lambda: self.heard > before + frames)

    @property
    def path(self):
        stats = self.session.stats()
        return stats.local_address, stats.remote_address


def until(condition):
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.sleep(0.01)


@pytest.fixture
def network():
    network = netns.Network()
    with network.inside("box"):  # as the media does, the hub watches the network of the box
        yield network
    network.close()


@pytest.fixture
def call(network):
    opened = []

    def make(caller="box", box=None, far=None, **settings):
        bridges = network.bridge("box"), network.bridge("far")
        settings = {"network_watch": True, **settings}
        box = End(bridges[0], **settings, **box or {})
        far = End(bridges[1], **settings | {"network_watch": False}, **far or {})
        opened.extend((*bridges, box.session, far.session, box.sound, far.sound))
        one, other = (box, far) if caller == "box" else (far, box)
        one.session.apply_answer(other.session.answer_offer(one.session.create_offer()))
        box.until_hears()
        far.until_hears()
        return box, far

    yield make
    for thing in reversed(opened):
        thing.close()


def restart(one, other):
    one.session.apply_answer(other.session.answer_offer(one.session.create_restart_offer()))


def test_cable_with_addresses_of_the_link_is_enough(network, call):
    network.cable("169.254.10.1/16", "169.254.20.2/16")
    box, _ = call()
    assert box.path == ("169.254.10.1", "169.254.20.2")


@pytest.mark.parametrize("caller", ["box", "far"])
@pytest.mark.parametrize(("box", "far"), [("169.254.10.1/16", "172.30.0.2/24"), ("172.30.0.1/24", "169.254.20.2/16")])
def test_cable_with_an_address_of_the_link_on_one_side_only_is_enough(network, call, caller, box, far):
    network.cable(box, far)
    network.reach("box", "wire", far)
    network.reach("far", "wire1", box)
    end, _ = call(caller)
    assert end.path == (box.partition("/")[0], far.partition("/")[0])


@pytest.mark.parametrize("bridges", [12, 30])
def test_many_bridges_without_a_default_route_are_in_nobodys_way(network, call, bridges):
    network.cable("172.30.0.1/24", "172.30.0.2/24")
    network.add_bridges(bridges)
    box, _ = call()
    assert box.path == ("172.30.0.1", "172.30.0.2")


@pytest.mark.parametrize("caller", ["box", "far"])
def test_address_that_signaling_uses_is_offered_and_checked_first(network, call, caller):
    network.cable("172.30.0.1/24", "172.30.0.2/24")
    network.add_bridges(30)
    box, far = call(caller, {"likely_address": "172.30.0.1"}, {"likely_address": "172.30.0.2"})
    assert box.path == ("172.30.0.1", "172.30.0.2")
    for end, own, other in ((box, "172.30.0.1", "172.30.0.2"), (far, "172.30.0.2", "172.30.0.1")):
        offered = [line.split() for line in end.session.local_sdp.splitlines() if line.startswith("a=candidate")]
        assert len(offered) == 31
        assert max(offered, key=lambda words: int(words[3]))[4] == own
        assert first_checked(end) == (own, other)


def test_address_that_signaling_used_and_that_is_gone_is_in_nobodys_way(network, call):
    box, _ = call(box={"likely_address": "10.99.0.1"}, far={"likely_address": "127.0.0.1"})
    assert box.path == ("10.71.1.2", "10.71.9.2")


def first_checked(end):
    """The pair at the head of the list of checks."""
    pair = end.session._core.peer._ice.newest._check_list[0]
    return pair.local_candidate.host, pair.remote_addr[0]


def test_change_of_address_is_noticed_at_once_and_survived(network, call):
    box, far = call()
    assert box.path == ("10.71.1.2", "10.71.9.2")
    network.plug("eth")
    network.unplug("wlan")
    until(lambda: any("10.71.1.2" in change.removed for change in box.changes))
    restart(box, far)
    box.until_hears()
    far.until_hears()
    assert box.path == ("10.71.2.2", "10.71.9.2")
    assert box.session.connection_state == far.session.connection_state == "connected"


def test_call_moves_to_another_address_without_a_restart(network, call):
    box, far = call()
    network.plug("eth")
    network.unplug("wlan")
    until(lambda: box.path == ("10.71.2.2", "10.71.9.2"))
    box.until_hears()
    far.until_hears()
    assert far.path[1] == "10.71.2.2"
    assert box.session.signaling_state == far.session.signaling_state == "stable"


def test_call_moves_at_once_to_an_address_that_comes_after_its_own_has_gone(network, call):
    box, far = call(disconnected_after_ms=60_000)
    network.unplug("wlan")
    until(lambda: any("10.71.1.2" in change.removed for change in box.changes))
    network.plug("eth")
    until(lambda: box.path == ("10.71.2.2", "10.71.9.2"))
    box.until_hears()
    far.until_hears()
    assert box.session.ice_connection_state == "connected"


def test_call_that_must_not_watch_the_network_is_left_alone(network, call):
    box, _ = call(network_watch=False)
    noticed = []
    with NetworkWatch(noticed.append) as watch:
        watch.start()
        network.plug("eth")
        network.unplug("wlan")
        until(lambda: any("10.71.1.2" in change.removed for change in noticed))
        gevent.sleep(0.2)  # time for the move that must not come
        assert box.changes == []
        assert box.session._core.peer.local_address == "10.71.1.2"


def test_callee_moves_without_a_restart_too(network, call):
    box, far = call(caller="far")
    network.plug("eth")
    network.unplug("wlan")
    until(lambda: box.path == ("10.71.2.2", "10.71.9.2"))
    box.until_hears()
    far.until_hears()


def test_address_that_comes_back_is_used_again_without_a_restart(network, call):
    box, far = call(disconnected_after_ms=500)
    network.unplug("wlan")
    until(lambda: box.session.ice_connection_state == "disconnected")
    network.plug("wlan")
    box.until_hears()
    far.until_hears()


@pytest.mark.skipif(not turn_server.available(), reason="coturn is not installed")
def test_relayed_call_moves_to_another_address_by_a_new_relay(network, call, tmp_path):
    server = turn_server.Coturn(turn_server.make_certificate(tmp_path), "10.71.9.2")
    command = network.command("far", *server.command())
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
        until(lambda: network.listens("far", server.tls_port))
        url = f"turn:10.71.9.2:{server.port}"
        relay = {"ice_servers": (IceServer((url,), **turn_server.USER),), "ice_transport_policy": "relay"}
        box, far = call(box=relay)
        network.plug("eth")
        network.unplug("wlan")
        until(lambda: box.session._core.peer.local_address == "10.71.2.2")
        box.until_hears()
        far.until_hears()
        process.terminate()


def test_far_end_may_restart_after_the_boxs_address_changed(network, call):
    box, far = call()
    network.plug("eth")
    network.unplug("wlan")
    until(lambda: box.changes)
    restart(far, box)
    box.until_hears()
    far.until_hears()


def test_change_that_the_call_cannot_feel_is_not_reported(network, call):
    box, _ = call()
    network.start_container()
    gevent.sleep(0.2)  # time for the report that must not come
    assert box.changes == []


def test_moved_default_route_is_reported(network, call):
    box, _ = call()
    network.plug("eth")
    until(lambda: box.changes)
    box.changes.clear()
    network.route_over("wlan")
    until(lambda: any(change.routes_changed and not change.added for change in box.changes))


def test_lost_interface_that_returns_is_survived(network, call):
    box, far = call(disconnected_after_ms=500)
    network.unplug("wlan")
    until(lambda: box.session.ice_connection_state == "disconnected")
    network.plug("wlan")
    until(lambda: any("10.71.1.2" in change.added for change in box.changes))
    restart(box, far)
    box.until_hears()
    far.until_hears()


def test_restart_begun_without_any_network_is_replaced_when_there_is_one(network, call):
    box, far = call(disconnected_after_ms=500)
    network.unplug("wlan")
    until(lambda: box.session.ice_connection_state == "disconnected")
    box.session.create_restart_offer()
    network.plug("eth")
    until(lambda: any("10.71.2.2" in change.added for change in box.changes))
    restart(box, far)
    box.until_hears()
    far.until_hears()


def test_silent_outage_heals_without_a_restart(network, call):
    box, far = call(disconnected_after_ms=500)
    network.block("wlan", "far")
    until(lambda: box.session.ice_connection_state == far.session.ice_connection_state == "disconnected")
    network.unblock("wlan", "far")
    box.until_hears()
    far.until_hears()
    assert box.changes == []


def test_ipv6_alone_is_enough(network, call):
    for device in ("wlan", "far"):
        network.plug_ipv6(device)
        network.unplug_ipv4(device)
    box, far = call()
    assert box.path == ("fd71:1::2", "fd71:9::2")
    restart(box, far)
    box.until_hears()
    far.until_hears()
    marks = []
    box.session._bridge.run(collect_marks(box.session._core.peer._ice.newest, marks))
    assert marks == [46 << 2]


def test_call_moves_from_ipv4_to_ipv6(network, call):
    box, far = call()
    for device in ("wlan", "far"):
        network.plug_ipv6(device)
    network.unplug_ipv4("wlan")
    until(lambda: any("10.71.1.2" in change.removed for change in box.changes))
    restart(box, far)
    box.until_hears()
    far.until_hears()
    assert box.path == ("fd71:1::2", "fd71:9::2")


def test_packets_are_marked_for_expedited_forwarding(network, call):
    box, _ = call()
    marks = []
    generation = box.session._core.peer._ice.newest
    box.session._bridge.run(collect_marks(generation, marks))
    assert marks == [46 << 2]


async def collect_marks(generation, marks):
    for sock in (host.transport.get_extra_info("socket") for host in generation.host_sockets):
        if sock.family == socket.AF_INET6:
            marks.append(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS))
        else:
            marks.append(sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))
