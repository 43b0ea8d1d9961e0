"""A SIP site in network namespaces, from the files that are shipped in deploy/kamailio: edges, media engines, users.

    client  wired 10.77.1.2 --- 10.77.1.1 \\
                                          net ---- 10.77.0.11, .13  edge 1
    client  wlan  10.77.2.2 --- 10.77.2.1 /   \\--- 10.77.0.12, .14  edge 2

`net` also holds the media engines (.21, .22), plain phones (.31 to .33) and the trunk (.41). The names of the
namespaces are this object's own, so that several sites can be up at once. Needs root, and the packages of
`scripts/setup.sh test`.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import gevent
from gevent import socket

from agent.closing import Closing
from bench.rig.netns import _set_namespace, available
from bench.rig.orphans import die_with_parent
from bench.rig.sip_wire import Seen, messages

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy" / "kamailio"
PROGRAMS = ("kamailio", "rtpengine", "baresip", "sipp", "unshare", "openssl")
MODULES = ("websocket", "tls", "outbound", "db_sqlite")
DOMAIN = "sip.test"
EDGES = {1: "10.77.0.11", 2: "10.77.0.12"}
OWN = {1: "10.77.0.13", 2: "10.77.0.14"}
ENGINES = {1: "10.77.0.21", 2: "10.77.0.22"}
PHONES = ("10.77.0.31", "10.77.0.32", "10.77.0.33")
TRUNK = "10.77.0.41"
TRUNK_PORT = 5070
WSS_PORT = 8443
LINKS = {"wired": ("10.77.1", 10), "wlan": ("10.77.2", 20)}
USERS = {name: f"{name}-secret" for name in ("box", "web", "desk", "lobby", "linphone")}
START_S = 20.0
POLL_S = 0.02
NUMBERS = itertools.count(1)
COOKIES = itertools.count(1)
FROM_PID = 'echo "$0" > /proc/sys/kernel/ns_last_pid && exec "$@"'


def missing() -> str:
    """What this machine lacks for a site; empty when nothing."""
    if not available():
        return "root and network namespaces"
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    folders = list(Path("/usr/lib").glob("*/kamailio/modules"))
    lacking += [f"Kamailio's {name}" for name in MODULES if not any((f / f"{name}.so").exists() for f in folders)]
    return ", ".join(lacking)


class SipSite(Closing):
    """One site; `two` edges or one. Hub only."""

    def __init__(self, folder: Path, two: bool = False, settings: dict[str, str] | None = None) -> None:
        """`settings` of site.cfg are used instead of the rig's."""
        self.folder = folder
        self.two = two
        self.ca_file = folder / "edge.pem"
        self._settings = settings or {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []
        number = next(NUMBERS)
        self.names = {name: f"sip-{name}-{os.getpid()}-{number}" for name in ("net", "edge1", "edge2", "client")}
        with ExitStack() as stack:
            stack.callback(self.close)
            folder.mkdir(parents=True, exist_ok=True)
            self._wire()
            self._certify()
            self._enter_users()
            for name in self.parts:
                self.start(name)
            stack.pop_all()

    @property
    def parts(self) -> list[str]:
        """The names of what runs: engines first, since the edges look for them."""
        return ["engine1", "engine2", "edge1", *(["edge2"] if self.two else [])]

    def uri(self, edge: int = 1) -> str:
        """Where a box registers."""
        return f"wss://{EDGES[edge]}:{WSS_PORT}/"

    def log(self, name: str) -> str:
        """What a part has said."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def pid(self, name: str) -> int:
        """The process of a part; those that it started are below it."""
        return self._running[name].pid

    def start(self, name: str) -> None:
        """Start a part, and wait until it can be reached."""
        self._start_edge(int(name[-1])) if name.startswith("edge") else self._start_engine(int(name[-1]))

    def kill(self, name: str) -> None:
        """End a part as a lost machine does: at once, without a goodbye."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def take_over(self) -> None:
        """Give the address of edge 1 to the machine of edge 2, as VRRP does."""
        subprocess.run(("ip", "-n", self.names["edge1"], "address", "delete", f"{EDGES[1]}/24", "dev", "eth0"),
                       check=False, capture_output=True)  # fmt: skip
        self._ip("edge2", "address", "add", f"{EDGES[1]}/24", "dev", "eth0")
        self._ip("net", "neigh", "flush", "all")

    def repair(self) -> None:
        """Undo what was killed and taken over."""
        subprocess.run(("ip", "-n", self.names["edge2"], "address", "delete", f"{EDGES[1]}/24", "dev", "eth0"),
                       check=False, capture_output=True)  # fmt: skip
        self._ip("edge1", "address", "replace", f"{EDGES[1]}/24", "dev", "eth0")
        self._ip("net", "neigh", "flush", "all")
        for name in self.parts:
            if name not in self._running:
                self.start(name)

    def command(self, where: str, *words: str) -> list[str]:
        """A command line that runs in a namespace."""
        return ["ip", "netns", "exec", self.names[where], *words]

    def spawn(self, where: str, *words: str, log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program in a namespace, which ends with this process at the latest."""
        out = log.open("ab")
        self._logs.append(out)
        return subprocess.Popen(self.command(where, *words), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                preexec_fn=die_with_parent, cwd=cwd)  # fmt: skip

    def _spawn_part(self, name: str, where: str, words: list[str]) -> None:
        """Start a part whose children end with it. Their ids are new: an edge asks by its own."""
        first_pid = str(next(NUMBERS) * 500 % 30_000)
        alone = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", FROM_PID, first_pid)
        self._running[name] = self.spawn(where, *alone, *words, log=self.folder / f"{name}.log")

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Let this thread, and with it the hub, live in that namespace."""
        with Path("/proc/thread-self/ns/net").open() as before:
            with Path(f"/run/netns/{self.names[name]}").open() as namespace:
                _set_namespace(namespace)
            try:
                yield
            finally:
                _set_namespace(before)

    def ask(self, edge: int, *words: str) -> str:
        """What an edge answers to a command of its control tool."""
        socket = f"unix:{self.folder}/run{edge}/kamailio_ctl"
        done = subprocess.run(("kamcmd", "-s", socket, *words), capture_output=True, text=True, check=False, timeout=10)
        return done.stdout + done.stderr

    def wire(self, edge: int = 1) -> list[Seen]:
        """What an edge and the client have said to each other so far."""
        return messages(self.folder / f"dump{edge}", tuple(f"{prefix}.2" for prefix, _ in LINKS.values()))

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

    def transactions(self) -> int:
        """How many requests the edges have not answered yet."""
        return sum(self._open_requests(self.ask(edge, "tm.stats")) for edge in self._edges())

    @staticmethod
    def _open_requests(stats: str) -> int:
        numbers = dict(re.findall(r"(\w+): (\d+)", stats))
        return int(numbers["current"]) - int(numbers["waiting"])  # the waiting ones only absorb what comes twice

    def media(self) -> int:
        """How many calls the engines hold media for."""
        return sum(self.media_of(name) for name in self._running if name.startswith("engine"))

    def media_of(self, name: str) -> int:
        """How many calls an engine holds media for: its answer to a cookie and a dictionary in bencoding."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
            plug.settimeout(5)
            plug.sendto(b"%d d5:limiti1000e7:command4:liste" % next(COOKIES), (ENGINES[int(name[-1])], 2223))
            answer = plug.recv(65536)
        listed = re.search(rb"5:callsl(.*)e6:result2:ok", answer)
        assert listed, f"{name} said {answer!r}"
        return len(re.findall(rb"\d+:", listed[1]))

    def registered(self, edge: int = 1) -> list[str]:
        """The names of the users that an edge knows the place of, one for each place."""
        return self._places(edge, "Address:")

    def connected(self, edge: int = 1) -> list[str]:
        """The names of those whose connection ends at this edge."""
        return self._places(edge, r"Tcpconn-Id: \d")

    def _places(self, edge: int, mark: str) -> list[str]:
        found = []
        for block in re.split(r"\bAoR: ", self.ask(edge, "ul.dump"))[1:]:
            found += [block.split("@")[0].split()[0]] * len(re.findall(mark, block))
        return sorted(found)

    def forget(self, user: str) -> None:
        """Let the edges forget every place of a user."""
        for edge in self._edges():
            self.ask(edge, "ul.rm", "location", user)

    def close(self) -> None:
        """End and remove everything; idempotent."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        self._running.clear()
        for log in self._logs:
            log.close()
        self._logs.clear()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _edges(self) -> list[int]:
        return [edge for edge in (1, 2) if f"edge{edge}" in self._running]

    def _wire(self) -> None:
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

    def _certify(self) -> None:
        names = ",".join([*(f"IP:{address}" for address in EDGES.values()), f"DNS:{DOMAIN}"])
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        self._run("openssl", "req", "-x509", *curve, "-nodes", "-days", "2", "-subj", f"/CN={DOMAIN}", "-addext",
                  f"subjectAltName={names}", "-keyout", str(self.folder / "edge.key"), "-out",
                  str(self.folder / "edge.pem"))  # fmt: skip

    def _enter_users(self) -> None:
        for name, secret in USERS.items():
            self.enter_user(name, secret)

    def enter_user(self, name: str, secret: str) -> None:
        """Add a user, or give it another secret."""
        script, where = str(DEPLOYED / "site-user"), f"text://{self.folder}/users"
        where = self._settings.get("SITE_USERS", where)
        subprocess.run((script, "add", f"{name}@{DOMAIN}"), input=secret + "\n", text=True, check=True,
                       capture_output=True, env=os.environ | {"SITE_USERS": where})  # fmt: skip

    def _start_edge(self, edge: int) -> None:
        home, run, dump = (self.folder / f"{what}{edge}" for what in ("etc", "run", "dump"))
        shutil.rmtree(run, ignore_errors=True)  # as systemd does
        for path in (home, run, dump):
            path.mkdir(exist_ok=True)
        shutil.copy(DEPLOYED / "kamailio.cfg", home)
        (home / "site.cfg").write_text(self._site(edge, dump))
        words = _words_of("sip-edge.service", {"/etc/sip-site": str(home), "/run/sip-edge": str(run)})
        self._spawn_part(f"edge{edge}", f"edge{edge}", words)
        self.until(f"edge{edge}", lambda: self._serves(edge))

    def _site(self, edge: int, dump: Path) -> str:
        """The shipped site.cfg with this site's values in it."""
        other = 3 - edge
        values = {
            "SITE_DOMAIN": DOMAIN, "SITE_ADDRESS": EDGES[edge], "SITE_WSS_PORT": str(WSS_PORT),
            "SITE_ENGINES": " ".join(f"udp:{address}:2223" for address in ENGINES.values()),
            "SITE_CERTIFICATE": str(self.folder / "edge.pem"), "SITE_KEY": str(self.folder / "edge.key"),
            "SITE_USERS": f"text://{self.folder}/users", "SITE_SECRET": "the rig's own", "SITE_RING_LIMIT_MS": "8000",
            "SITE_TRUNK_ADDRESS": TRUNK, "SITE_TRUNK_PORT": str(TRUNK_PORT), "NODE_NUMBER": str(edge),
            "NODE_OWN": OWN[edge], "OTHER_ADDRESS": EDGES[other], "OTHER_OWN": OWN[other], "SITE_DUMP": str(dump),
        } | self._settings  # fmt: skip
        wanted = {"TRUNK", "DUMP", *(["TWO_NODES"] if self.two else [])}
        wanted |= {"USERS_IN_SQLITE"} if values["SITE_USERS"].startswith("sqlite") else set()
        text = (DEPLOYED / "site.cfg").read_text()
        for name, value in values.items():
            text, count = re.subn(rf'^(#!substdef "!{name}!).*(!g")$', rf"\g<1>{value}\g<2>", text, flags=re.M)
            assert count == 1, f"site.cfg has no {name}"
        for name in wanted:
            text, count = re.subn(rf"^##(!define {name})$", r"#\1", text, flags=re.M)
            assert count == 1, f"site.cfg has no switch {name}"
        return text

    def _start_engine(self, engine: int) -> None:
        first = 20000 + 5000 * engine
        values = {"interface": ENGINES[engine], "listen-ng": f"{ENGINES[engine]}:2223", "port-min": str(first),
                  "port-max": str(first + 4000)}  # fmt: skip
        text = (DEPLOYED / "rtpengine.conf").read_text()
        for name, value in values.items():
            text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
            assert count == 1, f"rtpengine.conf has no {name}"
        home = self.folder / f"engine{engine}"
        home.mkdir(exist_ok=True)
        (home / "rtpengine.conf").write_text(text)
        words = _words_of("sip-media.service", {"/etc/sip-site": str(home), "/run/sip-media": str(home)})
        name = f"engine{engine}"
        self._spawn_part(name, "net", words)
        self.until(name, lambda: self.listens("net", 2223, ENGINES[engine], "u"))

    def _serves(self, edge: int) -> bool:
        return self.listens(f"edge{edge}", WSS_PORT) and "current" in self.ask(edge, "tm.stats")

    def listens(self, where: str, port: int, address: str = "", kind: str = "t") -> bool:
        """Whether something in a namespace listens on a port, by TCP (t) or UDP (u)."""
        source = f"src {address} and sport = :{port}" if address else f"sport = :{port}"
        done = subprocess.run(self.command(where, "ss", f"-Hln{kind}", source), capture_output=True, check=False)
        return bool(done.stdout)

    def until(self, name: str, condition: Callable[[], object]) -> None:
        """Wait until a part is up. Raises RuntimeError with what it said."""
        with gevent.Timeout(START_S, False):
            while not condition() and (name not in self._running or self._running[name].poll() is None):
                gevent.sleep(POLL_S)
            if condition():
                return
        raise RuntimeError(f"{name} does not come up: {self.log(name)[-2000:]}")

    def _ip(self, owner: str, *words: str) -> None:
        self._run("ip", "-n", self.names[owner], *words)

    @staticmethod
    def _run(*words: str) -> None:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{shlex.join(words)}: {done.stderr or done.stdout}")


def _words_of(unit: str, folders: dict[str, str]) -> list[str]:
    """What a unit starts, with its folders moved."""
    line = next(line for line in (DEPLOYED / unit).read_text().splitlines() if line.startswith("ExecStart="))
    words = shlex.split(line.removeprefix("ExecStart="))
    for before, after in folders.items():
        words = [word.replace(before, after) for word in words]
    return words
