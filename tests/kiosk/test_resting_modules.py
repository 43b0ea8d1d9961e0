"""What a box holds in memory while it waits: what it needs for the next call, and nothing that nobody asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gevent import subprocess

from tests.checkout import ROOT
from tests.kiosk.settings_text import HEAD
from tests.kiosk.stage import Site

SETTINGS = HEAD + """\
[buttons.call]
pin = 17
short = "call:reception"
[lights.status]
pin = 24
[door]
pin = 26
code = "123456"
[page]
listen = "127.0.0.1:0"
[service]
control_socket = "{folder}/run/control.sock"
state_dir = "{folder}/remembered"
"""
# Once the box is ready and what calls need has been imported, it tells what it holds.
BOX = """
import json, runpy, sys, threading
from agent.service.notifier import Notifier
ready = Notifier.ready
def tell():
    for thread in threading.enumerate():
        if thread.name == "import":
            thread.join()
    print(json.dumps(sorted(sys.modules)), flush=True)
def told(self, words):
    ready(self, words)
    threading.Thread(target=tell).start()
Notifier.ready = told
sys.argv[0] = "kiosk-agent"
runpy.run_module("agent", run_name="__main__", alter_sys=True)
"""

# Each with what it is for: of it, nothing is needed until somebody asks.
NOT_HELD = {
    "av": "aiortc's codecs",
    "dns": "multicast DNS: loaded when a far end names itself so",
    "gpiozero.boards": "gpiozero's own devices",
    "importlib.metadata": "what is installed",
    "jwt": "the switchboard's judgement of tokens",
    "zipfile": "programs in archives",
    "csv": "what is installed",
    "urllib.request": "another HTTP client",
    "multiprocessing": "processes",
    "unittest": "tests",
    "xml": "documents",
    "paho": "MQTT, which is not configured",
    "prometheus_client": "figures, which are not configured",
    "segno": "codes in a terminal",
    "agent.demo": "the demonstration",
    "agent.doctor": "the self-test",
    "agent.house.hooks.hooks": "hooks, which are not configured",
    "agent.house.metrics.part": "figures, which are not configured",
    "agent.house.mqtt.part": "MQTT, which is not configured",
    "agent.signaling.sip.user_agent": "SIP, which is not configured",
    "agent.switchboard.server": "the switchboard",
    "agent.page.api_description": "OpenAPI, which few ask for",
}
# So that a call is not late.
HELD = {"agent.media.peer", "aioice.ice", "aiortc.rtcdtlstransport", "numpy", "OpenSSL.SSL", "pylibsrtp"}


def test_a_box_that_waits_holds_what_a_call_needs_and_nothing_that_nobody_asked_for(site: Site, tmp_path: Path) -> None:
    settings = tmp_path / "box.toml"
    settings.write_text(SETTINGS.format(server=site.switchboard.address.server, folder=site.folder))
    settings.chmod(0o600)
    command = [sys.executable, "-c", BOX, "run", "--config", str(settings)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}) as box:
        try:
            loaded = set(json.loads(box.stdout.readline()))
        finally:
            box.kill()

    assert {name: NOT_HELD[name] for name in NOT_HELD.keys() & loaded} == {}
    assert loaded >= HELD
