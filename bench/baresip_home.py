"""The settings with which baresip is compared: Opus at 48 kHz over DTLS-SRTP, a phone that answers by itself."""

from __future__ import annotations

from pathlib import Path

CONFIG = """
poll_method epoll
sip_listen {listen}
call_local_timeout 120
audio_path /usr/share/baresip
audio_player {player}
audio_source {source}
audio_alert {alert}
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
{modules}
module dtls_srtp.so
module_app account.so
module_app menu.so
"""
ACCOUNT = "<sip:box@{listen};transport=udp>;regint=0;answermode=auto;mediaenc=dtls_srtp;audio_codecs=opus/48000/1\n"


def make_home(folder: Path, listen: str, *, source: str, player: str, alert: str, modules: tuple[str, ...]) -> None:
    """Write what `baresip -f FOLDER` reads; it is `sip:box@LISTEN` then, where LISTEN is HOST:PORT."""
    folder.mkdir(exist_ok=True)
    loaded = "\n".join(f"module {name}.so" for name in modules)
    config = CONFIG.format(listen=listen, source=source, player=player, alert=alert, modules=loaded)
    (folder / "config").write_text(config)
    (folder / "accounts").write_text(ACCOUNT.format(listen=listen))
    (folder / "contacts").touch()
