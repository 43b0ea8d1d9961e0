"""aiortc's DTLS without its codecs: what is saved, and that nobody else notices."""

import subprocess
import sys


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
