"""baresip (Debian package `baresip-core`) at both ends: a C softphone, over SIP with DTLS-SRTP."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.stage import End, ending

CONFIG = """
poll_method epoll
sip_listen {address}:5060
call_local_timeout 120
audio_path /usr/share/baresip
audio_player alsa,vspk
audio_source alsa,vmic
audio_alert alsa,vspk
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 1
auplay_channels 1
opus_bitrate 48000
opus_stereo no
opus_sprop_stereo no
opus_inbandfec yes
module_path /usr/lib/baresip/modules
module opus.so
module alsa.so
module dtls_srtp.so
module_app account.so
module_app menu.so
"""
ACCOUNT = "<sip:box@{address};transport=udp>;regint=0;answermode=auto;mediaenc=dtls_srtp;audio_codecs=opus/48000/1\n"
START_LIMIT_S = 20.0


@contextlib.contextmanager
def call(one: End, other: End) -> Iterator[list[int]]:
    """A call over the cards; the process ids of both phones."""
    with _phone(other) as callee:
        _until_says(other, "baresip is ready")
        with _phone(one, "-e", f"/dial sip:box@{other.address}") as caller:
            _until_says(one, "Call established")
            yield [caller.pid, callee.pid]


@contextlib.contextmanager
def _phone(end: End, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    folder = end.folder / "baresip"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text(CONFIG.format(address=end.address))
    (folder / "accounts").write_text(ACCOUNT.format(address=end.address))
    (folder / "contacts").touch()
    with _log(end).open("wb") as log:
        process = end.start(
            "baresip", "-f", str(folder), *options, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
        with ending(process):
            yield process


def _log(end: End) -> Path:
    return end.folder / "baresip.log"


def _until_says(end: End, text: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while text not in _log(end).read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"baresip never said {text!r}: {_log(end).read_text(errors='replace')[-500:]}")
        time.sleep(0.05)
