"""The network of a SIP site, in namespaces of its own: who is where, and what befalls the ways between them.

    client  wired 10.77.1.2 --- 10.77.1.1 \\
                                          net ---- 10.77.0.11, .13  edge 1
    client  wlan  10.77.2.2 --- 10.77.2.1 /   \\--- 10.77.0.12, .14  edge 2

`net` also holds the media engines (.21, .22), plain phones (.31 to .33) and the trunk (.41). The names of the
namespaces are this object's own, so that several networks can be up at once. Needs root.
"""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from agent.closing import Closing
from bench.rig.netns import living_in
from bench.rig.orphans import die_with_parent

EDGES = {1: "10.77.0.11", 2: "10.77.0.12"}
OWN = {1: "10.77.0.13", 2: "10.77.0.14"}
ENGINES = {1: "10.77.0.21", 2: "10.77.0.22"}
PHONES = ("10.77.0.31", "10.77.0.32", "10.77.0.33")
TRUNK = "10.77.0.41"
WSS_PORT = 8443
LINKS = {"wired": ("10.77.1", 10), "wlan": ("10.77.2", 20)}
NUMBERS = itertools.count(1)


class SipNetwork(Closing):
    """The namespaces `net`, `edge1`, `edge2` and `client`, once they are laid. Hub only."""

    def __init__(self) -> None:
        self._logs: list[IO[bytes]] = []
        number = next(NUMBERS)
        self.names = {name: f"sip-{name}-{os.getpid()}-{number}" for name in ("net", "edge1", "edge2", "client")}

    def lay(self) -> None:
        """Make the namespaces, and the ways between them; what fails is cleared away by `close`."""
        for name, space in self.names.items():
            self._run("ip", "netns", "add", space)
            self._ip(name, "link", "set", "lo", "up")
        self._ip("net", "link", "add", "br0", "type", "bridge")
        self._ip("net", "link", "set", "br0", "up")
        for address in ("10.77.0.1", *ENGINES.values(), *PHONES, TRUNK):
            self._ip("net", "address", "add", f"{address}/24", "dev", "br0")
        for edge in (1, 2):
            name = f"edge{edge}"
            self._ip("net", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.names[name])
            self._ip("net", "link", "set", name, "master", "br0", "up")
            self._ip(name, "link", "set", "eth0", "up")
            self._run(*self.command(name, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1"))
            for address in (EDGES[edge], OWN[edge]):
                self._ip(name, "address", "add", f"{address}/24", "dev", "eth0")
            self._ip(name, "route", "add", "default", "via", "10.77.0.1")
        for link in LINKS:
            self._ip("net", "link", "add", link, "type", "veth", "peer", "name", link, "netns", self.names["client"])
            self._ip("net", "address", "add", f"{LINKS[link][0]}.1/24", "dev", link)
            self._ip("net", "link", "set", link, "up")
            self.plug(link)
        self._run(*self.command("net", "sysctl", "-qw", "net.ipv4.ip_forward=1"))

    def command(self, where: str, *words: str) -> list[str]:
        """A command line that runs in a namespace."""
        return ["ip", "netns", "exec", self.names[where], *words]

    def spawn(self, where: str, *words: str, log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program in a namespace, which ends with this process at the latest."""
        out = log.open("ab")
        self._logs.append(out)
        return subprocess.Popen(self.command(where, *words), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                preexec_fn=die_with_parent, cwd=cwd)  # fmt: skip

    def inside(self, name: str) -> AbstractContextManager[None]:
        """Let this thread, and with it the hub, live in that namespace."""
        return living_in(self.names[name])

    def listens(self, where: str, port: int, address: str = "", kind: str = "t") -> bool:
        """Whether something in a namespace listens on a port, by TCP (t) or UDP (u)."""
        source = f"src {address} and sport = :{port}" if address else f"sport = :{port}"
        done = subprocess.run(self.command(where, "ss", f"-Hln{kind}", source), capture_output=True, check=False)
        return bool(done.stdout)

    # What befalls it

    def take_over(self) -> None:
        """Give the address of edge 1 to the machine of edge 2, as VRRP does."""
        self._forget_address("edge1")
        self._ip("edge2", "address", "add", f"{EDGES[1]}/24", "dev", "eth0")
        self._ip("net", "neigh", "flush", "all")

    def give_back(self) -> None:
        """Undo that, whether it was done or not."""
        self._forget_address("edge2")
        self._ip("edge1", "address", "replace", f"{EDGES[1]}/24", "dev", "eth0")
        self._ip("net", "neigh", "flush", "all")

    def _forget_address(self, machine: str) -> None:
        subprocess.run(("ip", "-n", self.names[machine], "address", "delete", f"{EDGES[1]}/24", "dev", "eth0"),
                       check=False, capture_output=True)  # fmt: skip

    def plug(self, link: str) -> None:
        """Give the client one of its two networks."""
        prefix, metric = LINKS[link]
        self._ip("client", "link", "set", link, "up")
        self._ip("client", "address", "replace", f"{prefix}.2/24", "dev", link)
        self._ip("client", "route", "replace", "default", "via", f"{prefix}.1", "metric", str(metric))

    def unplug(self, link: str) -> None:
        """Take one of its networks from the client."""
        self._ip("client", "address", "flush", "dev", link)
        self._ip("client", "link", "set", link, "down")

    @contextmanager
    def cut_media_paths(self) -> Iterator[None]:
        """Let no packet through that goes from or to a UDP port that the client has open now."""
        listed = subprocess.run(self.command("client", "ss", "-Hun", "-a"), capture_output=True, text=True, check=True)
        ports = {line.split()[3].rpartition(":")[2] for line in listed.stdout.splitlines()}
        for chain, way, port in itertools.product(("INPUT", "OUTPUT"), ("--sport", "--dport"), ports):
            self._run(*self.command("client", "iptables", "-A", chain, "-p", "udp", way, port, "-j", "DROP"))
        try:
            yield
        finally:
            for chain in ("INPUT", "OUTPUT"):
                self._run(*self.command("client", "iptables", "-F", chain))

    def drop_connections(self, edge: int = 1) -> None:
        """End every connection over which a client is at an edge."""
        self._run(*self.command(f"edge{edge}", "ss", "-K", "state", "established", "sport", "=", f":{WSS_PORT}"))

    @contextmanager
    def no_way_for_signaling(self) -> Iterator[None]:
        """End the client's connections, and let it make no new ones."""
        rule = ("OUTPUT", "-p", "tcp", "--dport", str(WSS_PORT), "-j", "REJECT", "--reject-with", "tcp-reset")
        self._run(*self.command("client", "iptables", "-I", *rule))
        self.drop_connections()
        try:
            yield
        finally:
            self._run(*self.command("client", "iptables", "-D", *rule))

    def close(self) -> None:
        """Remove the namespaces, and let go of the logs; idempotent."""
        for log in self._logs:
            log.close()
        self._logs.clear()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _ip(self, owner: str, *words: str) -> None:
        self._run("ip", "-n", self.names[owner], *words)

    @staticmethod
    def _run(*words: str) -> None:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{shlex.join(words)}: {done.stderr or done.stdout}")
