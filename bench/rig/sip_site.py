"""A SIP site: the files that are shipped in deploy/kamailio, run in a network of their own: edges, engines, users.

Needs root, and the packages of `scripts/setup.sh test`.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import gevent
from gevent import socket

from bench.rig.netns import available
from bench.rig.sip_deployment import DEPLOYED, edge_settings, engine_settings, enter_user, words_of
from bench.rig.sip_network import EDGES, ENGINES, LINKS, OWN, TRUNK, WSS_PORT, SipNetwork
from bench.rig.sip_wire import Seen, messages

PROGRAMS = ("kamailio", "rtpengine", "baresip", "sipp", "unshare", "openssl")
MODULES = ("websocket", "tls", "outbound", "db_sqlite")
DOMAIN = "sip.test"
TRUNK_PORT = 5070
USERS = {name: f"{name}-secret" for name in ("box", "web", "desk", "lobby", "linphone")}
START_S = 20.0
POLL_S = 0.02
STARTS = itertools.count(1)
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


class SipSite(SipNetwork):
    """One site; `two` edges or one. Hub only."""

    def __init__(self, folder: Path, two: bool = False, settings: dict[str, str] | None = None) -> None:
        """`settings` of site.cfg are used instead of the rig's."""
        super().__init__()
        self.folder = folder
        self.two = two
        self.ca_file = folder / "edge.pem"
        self._settings = settings or {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        with ExitStack() as stack:
            stack.callback(self.close)
            folder.mkdir(parents=True, exist_ok=True)
            self.lay()
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

    def repair(self) -> None:
        """Undo what was killed and taken over."""
        self.give_back()
        for name in self.parts:
            if name not in self._running:
                self.start(name)

    def _spawn_part(self, name: str, where: str, words: list[str]) -> None:
        """Start a part whose children end with it. Their ids are new: an edge asks by its own."""
        first_pid = str(next(STARTS) * 500 % 30_000)
        alone = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", FROM_PID, first_pid)
        self._running[name] = self.spawn(where, *alone, *words, log=self.folder / f"{name}.log")

    def ask(self, edge: int, *words: str) -> str:
        """What an edge answers to a command of its control tool."""
        socket = f"unix:{self.folder}/run{edge}/kamailio_ctl"
        done = subprocess.run(("kamcmd", "-s", socket, *words), capture_output=True, text=True, check=False, timeout=10)
        return done.stdout + done.stderr

    def wire(self, edge: int = 1) -> list[Seen]:
        """What an edge and the client have said to each other so far."""
        return messages(self.folder / f"dump{edge}", tuple(f"{prefix}.2" for prefix, _ in LINKS.values()))

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
        super().close()

    def _edges(self) -> list[int]:
        return [edge for edge in (1, 2) if f"edge{edge}" in self._running]

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
        enter_user(self._settings.get("SITE_USERS", f"text://{self.folder}/users"), f"{name}@{DOMAIN}", secret)

    def _start_edge(self, edge: int) -> None:
        home, run, dump = (self.folder / f"{what}{edge}" for what in ("etc", "run", "dump"))
        shutil.rmtree(run, ignore_errors=True)  # as systemd does
        for path in (home, run, dump):
            path.mkdir(exist_ok=True)
        shutil.copy(DEPLOYED / "kamailio.cfg", home)
        (home / "site.cfg").write_text(self._site(edge, dump))
        words = words_of("sip-edge.service", {"/etc/sip-site": str(home), "/run/sip-edge": str(run)})
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
        return edge_settings(values, wanted)

    def _start_engine(self, engine: int) -> None:
        first = 20000 + 5000 * engine
        values = {"interface": ENGINES[engine], "listen-ng": f"{ENGINES[engine]}:2223", "port-min": str(first),
                  "port-max": str(first + 4000)}  # fmt: skip
        home = self.folder / f"engine{engine}"
        home.mkdir(exist_ok=True)
        (home / "rtpengine.conf").write_text(engine_settings(values))
        words = words_of("sip-media.service", {"/etc/sip-site": str(home), "/run/sip-media": str(home)})
        name = f"engine{engine}"
        self._spawn_part(name, "net", words)
        self.until(name, lambda: self.listens("net", 2223, ENGINES[engine], "u"))

    def _serves(self, edge: int) -> bool:
        return self.listens(f"edge{edge}", WSS_PORT) and "current" in self.ask(edge, "tm.stats")

    def until(self, name: str, condition: Callable[[], object]) -> None:
        """Wait until a part is up. Raises RuntimeError with what it said."""
        with gevent.Timeout(START_S, False):
            while not condition() and (name not in self._running or self._running[name].poll() is None):
                gevent.sleep(POLL_S)
            if condition():
                return
        raise RuntimeError(f"{name} does not come up: {self.log(name)[-2000:]}")
