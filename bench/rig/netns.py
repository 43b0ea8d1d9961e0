"""A box, a router and a far end in three network namespaces, for tests that move a box between networks.

    box  wlan 10.71.1.2 ---- 10.71.1.1 \\
                                        router ---- 10.71.9.2  far
    box  eth  10.71.2.2 ---- 10.71.2.1 /
"""

import asyncio
import ctypes
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from agent.media.bridge import Bridge

CLONE_NEWNET = 0x40000000
NETWORKS = {"wlan": "10.71.1", "eth": "10.71.2", "far": "10.71.9"}


def available():
    """Whether this process may make namespaces."""
    return os.geteuid() == 0 and subprocess.run(["ip", "netns", "list"], capture_output=True).returncode == 0


class Network:
    """Makes the namespaces; `close` removes them with everything in them."""

    def __init__(self):
        self.names = {name: f"{name}-{os.getpid()}" for name in ("box", "router", "far")}
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
            self._run("ip", "netns", "add", name)
            self._run("ip", "-n", name, "link", "set", "lo", "up")
        for number, (device, network) in enumerate(NETWORKS.items()):
            self._wire(device, network, f"r{number}", "far" if device == "far" else "box")
        self._in("router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.plug("wlan")
        self.plug("far")

    def _wire(self, device, network, router_device, owner):
        self._run("ip", "-n", self.names[owner], "link", "add", device, "type", "veth", "peer", "name", router_device)
        self._run("ip", "-n", self.names[owner], "link", "set", router_device, "netns", self.names["router"])
        self._ip("router", "address", "add", f"{network}.1/24", "dev", router_device)
        self._ip("router", "link", "set", router_device, "up")

    def plug(self, device):
        """Bring a device of the box (or of the far end) up, with an address and the default route."""
        owner, network = "far" if device == "far" else "box", NETWORKS[device]
        self._ip(owner, "link", "set", device, "up")
        self._ip(owner, "address", "replace", f"{network}.2/24", "dev", device)
        self._ip(owner, "route", "replace", "default", "via", f"{network}.1")

    def plug_ipv6(self, device):
        """Give a device that is up an IPv6 address and route as well."""
        owner, prefix = "far" if device == "far" else "box", f"fd71:{NETWORKS[device].rsplit('.', 1)[1]}"
        router = f"r{list(NETWORKS).index(device)}"
        self._in("router", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        self._ip("router", "address", "replace", f"{prefix}::1/64", "dev", router, "nodad")
        self._ip(owner, "address", "replace", f"{prefix}::2/64", "dev", device, "nodad")
        self._ip(owner, "route", "replace", "default", "via", f"{prefix}::1")

    def unplug_ipv4(self, device):
        """Take the IPv4 address of a device away."""
        owner = "far" if device == "far" else "box"
        self._ip(owner, "-4", "address", "flush", "dev", device)

    def unplug(self, device):
        """Take a device of the box away."""
        self._ip("box", "address", "flush", "dev", device)
        self._ip("box", "link", "set", device, "down")

    def block(self, *devices):
        """The router swallows what is sent to these networks, and nobody is told."""
        for device in devices:
            self._ip("router", "route", "add", "blackhole", f"{NETWORKS[device]}.2/32")

    def unblock(self, *devices):
        """The router forwards again."""
        for device in devices:
            self._ip("router", "route", "delete", "blackhole", f"{NETWORKS[device]}.2/32")

    def route_over(self, device):
        """Move the default route of the box, both devices being up."""
        self._ip("box", "route", "replace", "default", "via", f"{NETWORKS[device]}.1")

    def start_container(self):
        """What a container's start does to the box: one more interface, with an address and no default route."""
        self._ip("box", "link", "add", "host0", "type", "veth", "peer", "name", "guest0")
        self._ip("box", "address", "add", "10.72.0.1/24", "dev", "host0")
        for device in ("host0", "guest0"):
            self._ip("box", "link", "set", device, "up")

    def cable(self, box, far):
        """Connect the box and the far end directly, with these addresses and no other network or default route."""
        self.unplug("wlan")
        self._ip("far", "link", "set", "far", "down")
        self._run("ip", "-n", self.names["box"], "link", "add", "wire", "type", "veth", "peer", "name", "wire1")
        self._run("ip", "-n", self.names["box"], "link", "set", "wire1", "netns", self.names["far"])
        for owner, device, address in (("box", "wire", box), ("far", "wire1", far)):
            self._ip(owner, "address", "add", address, "dev", device)
            self._ip(owner, "link", "set", device, "up")

    def reach(self, owner, device, address):
        """Let an end find an address on that device, although it is of another network."""
        self._ip(owner, "route", "add", address.partition("/")[0], "dev", device)

    def add_bridges(self, count):
        """Give both ends so many container networks, with the same addresses, which lead nowhere."""
        for owner in ("box", "far"):
            for n in range(count):
                self._ip(owner, "link", "add", f"br{n}", "type", "veth", "peer", "name", f"in{n}")
                self._ip(owner, "address", "add", f"10.100.{n}.1/24", "dev", f"br{n}")
                for device in (f"br{n}", f"in{n}"):
                    self._ip(owner, "link", "set", device, "up")

    def listens(self, owner, port):
        """Whether something in a namespace listens on that TCP port."""
        found = subprocess.run(self.command(owner, "ss", "-Hltn", f"sport = :{port}"), capture_output=True)
        return bool(found.stdout)

    def command(self, owner, *arguments):
        """A command line that runs in a namespace."""
        return ["ip", "netns", "exec", self.names[owner], *arguments]

    def bridge(self, name):
        """A bridge whose asyncio thread lives in that namespace."""
        bridge = Bridge()
        bridge.run(self._enter(self.names[name]))
        return bridge

    def inside(self, name):
        """Let this thread, and with it the hub, live in that namespace."""
        return living_in(self.names[name])

    def close(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    @staticmethod
    async def _enter(name):
        with Path(f"/run/netns/{name}").open() as namespace:
            _set_namespace(namespace)
        await asyncio.sleep(0)

    def _ip(self, owner, *arguments):
        self._run("ip", "-n", self.names[owner], *arguments)

    def _in(self, owner, *arguments):
        self._run("ip", "netns", "exec", self.names[owner], *arguments)

    @staticmethod
    def _run(*arguments):
        subprocess.run(arguments, check=True, capture_output=True)


@contextmanager
def living_in(namespace):
    """Let this thread, and with it the hub, live in the namespace of this name."""
    with Path("/proc/thread-self/ns/net").open() as before:
        with Path(f"/run/netns/{namespace}").open() as file:
            _set_namespace(file)
        try:
            yield
        finally:
            _set_namespace(before)


def _set_namespace(namespace):
    """Take this thread into the network namespace of an open file."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns failed")
