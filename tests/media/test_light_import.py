"""Libraries without what nobody here needs of them: what is saved, and that nobody else notices."""

import importlib
import subprocess
import sys

import pytest

from agent.media.ice import library
from hw.light_import import later_metadata


def loaded_after(code):
    script = code + "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_call_does_not_load_pyav():
    loaded = loaded_after("import agent.media.peer, agent.media.session")
    assert "av" not in loaded


def test_whole_aiortc_can_still_be_imported_afterwards():
    loaded = loaded_after(
        "import agent.media.peer, aiortc, av\n"
        "assert aiortc.RTCPeerConnection and av.AudioFrame\n"
        "from agent.media.dtls.aiortc_adapter import Dtls\n"
        "assert issubclass(Dtls, aiortc.RTCDtlsTransport)"
    )
    assert {"av", "aiortc"} <= loaded


def test_aiortc_that_is_loaded_already_is_used_as_it_is():
    loaded_after(
        "import aiortc, agent.media.peer\n"
        "from agent.media.dtls.aiortc_adapter import Dtls\n"
        "assert issubclass(Dtls, aiortc.RTCDtlsTransport) and aiortc.RTCPeerConnection"
    )


def test_description_and_settings_need_neither_aiortc_nor_aioice():
    assert not {"aiortc", "aioice"} & loaded_after(
        "import agent.media.sdp.parse, agent.media.sdp.munge, agent.media.settings\n"
        "import agent.media.session, agent.media.bridge"
    )


def test_a_call_does_not_load_a_dns_library():
    assert "dns" not in loaded_after("import agent.media.peer, agent.media.session")


def test_a_far_end_that_names_itself_by_multicast_dns_is_still_looked_up():
    loaded = loaded_after(
        "import asyncio, sys, agent.media.peer, aioice.ice as ice\n"
        "async def look_up():\n"
        "    assert ice.mdns.is_mdns_hostname('4f8b-1.local') and 'dns' not in sys.modules\n"
        "    protocol = await ice.get_or_create_mdns_protocol(look_up)\n"
        "    assert type(protocol) is sys.modules['aioice.mdns'].MDnsProtocol\n"
        "    await ice.unref_mdns_protocol(look_up)\n"
        "asyncio.run(look_up())"
    )
    assert "dns" in loaded


@pytest.mark.parametrize(
    "name",
    ["a.local", "A-1.LOCAL", "A-1.local", "a.b.local", ".local", "local", "192.0.2.1", "fe80::1", "x" * 63 + ".local",
     "x" * 64 + ".local", "a_b.local", "ä.local", "a.local.", ""],
)  # fmt: skip
def test_a_name_of_multicast_dns_is_what_aioice_takes_for_one(name):
    stand_in, real = library.aioice.ice.mdns, importlib.import_module("aioice.mdns")

    assert stand_in.is_mdns_hostname(name) == real.is_mdns_hostname(name)


def test_whole_gpiozero_can_still_be_imported_afterwards():
    loaded = loaded_after(
        "import sys, hw.panel.pins\n"
        "late = {'gpiozero', 'gpiozero.boards', 'gpiozero.output_devices', 'colorzero', 'importlib.metadata'}\n"
        "assert not late & set(sys.modules)\n"
        "import gpiozero\n"
        "from gpiozero.pins.mock import MockFactory\n"
        "assert hw.panel.pins.open_factory('mock').virtual\n"
        "gpiozero.Device.pin_factory = MockFactory()\n"
        "assert gpiozero.LED(17).is_lit is False and hw.panel.pins.MockFactory is MockFactory"
    )
    assert "gpiozero" in loaded


def test_what_asks_for_the_versions_of_programs_or_their_offers_still_gets_them():
    later = later_metadata()

    assert later.version("numpy")
    assert "kiosk-agent" in {point.name for point in later.entry_points(group="console_scripts")}
