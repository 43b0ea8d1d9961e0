"""A whole box whose page is worked in a browser, by tests and for the pictures of the documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.config import Config, DoorSection
from agent.demo.scene import BUTTONS, LIGHTS
from agent.kiosk.kiosk import Kiosk
from agent.page.api_keys import ApiKeySettings, ApiSettings, new_key
from agent.signaling.token.token_source import TokenSettings
from hw.panel.settings import RelaySettings

from .stage import BOX_HZ, Ear, Stage

NAME, PASSWORD = "front-door", "correct-horse"
LOOKS, LOOKS_HASH = new_key()
OPENS, OPENS_HASH = new_key()
KEYS = {"viewer": ApiKeySettings(LOOKS_HASH, ("look",)), "porter": ApiKeySettings(OPENS_HASH, ("look", "open"))}
DOORS = {"gate": RelaySettings(pin=19, open_ms=500),
         "yard": RelaySettings(pin=20, open_ms=500, opened_by=("page", "button"))}  # fmt: skip
BY_KEY = ["", "gate"]  # of all doors, those that a key may open


SETTINGS = """
[box]
identity = "{name}"
pins = "mock"
[signaling]
server = "{server}"
ca_file = "{ca_file}"
[token]
key_file = "{key_file}"
[sound]
driver = "none"
"""


def key_file_of(stage: Stage) -> str:
    """Tell which credential lets a box in."""
    return str(Path(stage.switchboard.switchboard.settings.state_dir) / "api_key.json")


def settings_of(stage: Stage, folder: Path) -> Path:
    """Write what a self-test of such a box needs."""
    path, address = folder / "config.toml", stage.switchboard.address
    path.write_text(SETTINGS.format(name=NAME, server=address.server, ca_file=address.ca_file,
                                    key_file=key_file_of(stage)))  # fmt: skip
    return path


def kiosk_of(stage: Stage, folder: Path, **sections: Any) -> Kiosk:
    """Start a box of this stage's switchboard, with its page; `sections` of its settings replace those here."""
    address, config = stage.switchboard.address, Config()
    given = {
        "box": replace(config.box, identity=NAME, pins="mock"),
        "signaling": replace(config.signaling, server=address.server, ca_file=str(address.ca_file), insights="off"),
        "token": TokenSettings(key_file=key_file_of(stage)),
        "buttons": BUTTONS,
        "lights": LIGHTS,
        "door": DoorSection(pin=26, open_ms=500),
        "doors": DOORS,
        "page": replace(config.page, listen="127.0.0.1:0", password=PASSWORD),
        "api": ApiSettings(KEYS),
        "service": replace(config.service, control_socket=str(folder / "control"), state_dir=str(folder)),
    }
    kiosk = Kiosk(replace(config, **{**given, **sections}), Ear(BOX_HZ).sound)
    kiosk.start()
    assert kiosk.page.served.wait(30)
    return kiosk


def address_of(kiosk: Kiosk, password: str = PASSWORD) -> str:
    """Tell where its page is; the password stands in the address, as in somebody's bookmark."""
    return kiosk.page.url.replace("//", f"//anybody:{password}@")
