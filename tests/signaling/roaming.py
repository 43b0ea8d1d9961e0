"""A box that changes its address, in network namespaces of its own: `unshare -n python -m tests.signaling.roaming`.

Prints what happened, a word a line; the test compares.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import gevent

from tests.signaling.conftest import Phone
from tests.signaling.server import Server

SERVER_HOST = "10.77.0.254"


def serve(folder: Path) -> None:
    """The far end: says its port, then the address of every connection."""
    server = Server(folder, names=(SERVER_HOST,), host=SERVER_HOST)
    print(server.port, flush=True)
    while True:
        print(server.accept(timeout_s=60).connection.remote_address[0], flush=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def roam(folder: Path) -> None:
    away = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    far: subprocess.Popen[str] | None = None
    try:
        until_in_another_network(away.pid)
        far = lay_cable(away.pid, folder)
        assert far.stdout is not None
        port = int(far.stdout.readline())
        talk(Phone([f"wss://{SERVER_HOST}:{port}/signal"], ca_file=str(folder / "ca.pem")))
        for _ in range(2):
            print("from", far.stdout.readline().strip())
    finally:
        for process in (far, away):
            if process is not None:
                process.kill()


def until_in_another_network(pid: int) -> None:
    """Wait until `unshare` has made its namespace."""
    with gevent.Timeout(30):
        while Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            gevent.sleep(0.02)


def lay_cable(pid: int, folder: Path) -> subprocess.Popen[str]:
    inside = ("nsenter", "-t", str(pid), "-n")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
    run("ip", "link", "set", "far", "netns", str(pid))
    run("ip", "addr", "add", "10.77.0.1/24", "dev", "near")
    run("ip", "link", "set", "near", "up")
    run(*inside, "ip", "addr", "add", f"{SERVER_HOST}/24", "dev", "far")
    run(*inside, "ip", "link", "set", "far", "up")
    command = [*inside, sys.executable, "-m", "tests.signaling.roaming", "serve", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def talk(phone: Phone) -> None:
    phone.stream.open()
    phone.wait_for("transport_open")
    run("ip", "addr", "add", "10.99.0.1/32", "dev", "lo")
    phone.stream.network_changed()
    gevent.sleep(0)
    print("kept" if phone.events.empty() else "lost")

    run("ip", "addr", "del", "10.77.0.1/24", "dev", "near")
    phone.stream.network_changed()
    gevent.sleep(0)
    print("kept" if phone.events.empty() else "lost")

    run("ip", "addr", "add", "10.77.0.2/24", "dev", "near")
    phone.stream.network_changed()
    print(phone.next_event()[0])
    phone.wait_for("transport_open")
    phone.stream.destroy()
    phone.stream.join(2)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as name:
            roam(Path(name))
