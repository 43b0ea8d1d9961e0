"""Takes the pictures of the documents: the page of a box and the phone page, in light and dark.

    python -m tests.e2e.screenshots

Needs Chromium, and what ./test.sh installs below tests/e2e/js. What is seen is real: a box, a switchboard, a call.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path

import gevent

from agent.media.bridge import Bridge

from .box_page import NAME, address_of, kiosk_of, settings_of
from .stage import Box, BrowserPhone, Stage

SHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
SCHEMES = ("light", "dark")
DESKTOP, TABLET, TELEPHONE = (1040, 1000), (560, 900), (390, 620)
WEBP_QUALITY = 60
TESTED_S = 120.0
DRAWN = """[...document.querySelectorAll('#graphs polyline')].every(
  (line) => (line.getAttribute('points') || '').split(' ').length > 8)"""


def shoot(page: BrowserPhone, name: str, size: tuple[int, int], part: str = "") -> None:
    """Write down what a page shows now, in each scheme of colours; `part` of it, where one is named."""
    page.devtools("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                  mobile=False)  # fmt: skip
    page.devtools("Emulation.setScrollbarsHidden", hidden=True)
    if part:
        page.run(f"document.getElementById('{part}').scrollIntoView()")
    for scheme in SCHEMES:
        page.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"},
        ])  # fmt: skip
        shot = page.devtools("Page.captureScreenshot", format="webp", quality=WEBP_QUALITY)
        path = SHOTS / f"{name}-{scheme}.webp"
        path.write_bytes(base64.b64decode(shot["data"]))
        print(f"{path.name} {path.stat().st_size} bytes")


def shoot_box(stage: Stage, folder: Path) -> None:
    """A box in a call, after ten seconds of it; and what whoever looks after it sees."""
    kiosk = kiosk_of(stage, folder)
    page, caller = stage.page(address_of(kiosk)), Box(stage, "reception", "2")
    page.until("document.body.innerText.includes('Ready for calls')")
    caller.device.connect({"To": NAME})
    page.until("document.getElementById('answer').checkVisibility()")
    page.run("document.getElementById('answer').click()")
    page.until(DRAWN)
    shoot(page, "box", DESKTOP)
    caller.close()
    os.chdir(folder)  # so that no picture has a folder of this machine in it
    kiosk.upkeep.self_test.settings = Path(settings_of(stage, folder).name)
    page.run("for (const one of document.querySelectorAll('details')) one.open = true")
    page.run("document.getElementById('run-doctor').click()")
    with gevent.Timeout(TESTED_S, TimeoutError("the self-test came to no end")):
        while kiosk.upkeep.self_test.describe()["state"] != "done":
            gevent.sleep(0.1)
    page.until("document.getElementById('doctor-state').textContent === 'Nothing is broken'")
    shoot(page, "box-upkeep", TABLET, "upkeep")
    page.close()
    kiosk.stop()


def shoot_phone(stage: Stage) -> None:
    """A browser phone that rings, and one in a call."""
    page, caller = stage.page(stage.switchboard.address.url), Box(stage, "front-door", "2")
    page.run("document.getElementById('name').value = 'reception'; document.getElementById('connect').click()")
    page.until("document.body.innerText.includes('Ready for calls')")
    caller.dial("reception")
    page.until("document.getElementById('answer').checkVisibility()")
    shoot(page, "phone-rings", TELEPHONE)
    page.run("document.getElementById('answer').click()")
    page.until("/\\d:\\d\\d/.test(document.getElementById('progress').textContent)")
    shoot(page, "phone-talks", TELEPHONE)
    caller.close()
    page.close()


def main() -> None:
    """Take all of them."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Bridge() as bridge:
        stage = Stage(bridge, Path(name))
        shoot_box(stage, Path(name) / "box")
        shoot_phone(stage)
        stage.close()


if __name__ == "__main__":
    main()
