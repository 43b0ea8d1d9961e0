"""The check of the way that sound takes: a call to the switchboard's echo, or whether UDP gets out to Twilio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent.event import AsyncResult
from gevent.timeout import Timeout

from agent.config import Config
from agent.doctor.checklist import Check, failed, ok, warning
from agent.doctor.token import GetToken
from agent.errors import AgentError
from agent.log import MOST_WHY, excerpt
from agent.media.bridge import Bridge
from agent.media.ice.server_probe import probe
from agent.media.ice.server_urls import StunServer
from agent.media.native import core as native
from agent.voice.device import Device
from hw.sound.wav_sound import WavSound

TWILIO_STUN = StunServer("global.stun.twilio.com", 3478)
TWILIO_MEDIA = "168.86.128.0/18, ports 10000 to 60000"
ECHO = "echo"
PROBE_S = 6.0
CALL_S = 15.0
NOBODY = 31404


def check_media(config: Config, get_token: GetToken, bridge: Callable[[], Bridge]) -> Check:
    """Check whether sound would get through; nobody is called who could hear it, and nothing that costs."""
    return _call_echo(config, get_token, bridge()) if config.signaling.server else check_udp(bridge())


def check_packets() -> Check:
    """Check which way packets take: the native core, which costs a call less, or Python."""
    found = native.verdict()
    if found.module is not None or found.is_chosen:
        return ok("packets", native.described())
    return warning("packets", f"{native.described()}; a call works, and costs more CPU", native.REMEDY)


def check_udp(bridge: Bridge, server: StunServer = TWILIO_STUN) -> Check:
    """Check whether UDP gets out, and an answer in. Whether the service's media may answer, only a call can tell."""
    allow = f"let UDP to {TWILIO_MEDIA}, through the firewall: docs/twilio.md"
    try:
        address = bridge.run(probe(server), timeout_s=PROBE_S)
    except OSError as error:
        return warning("media", f"UDP gets no answer from {server.host}:{server.port}: {error}", allow)
    return ok("media", f"UDP gets out, seen as {address}; a call needs it to {TWILIO_MEDIA}")


def _call_echo(config: Config, get_token: GetToken, bridge: Bridge) -> Check:
    """Call the echo that every switchboard has; it is not a person, and nothing of the call is played."""
    signaling = config.signaling
    outcome: AsyncResult[Check] = AsyncResult()
    with WavSound() as sound, Device() as device:
        device.on("ready", lambda _device: _follow(device.connect({"To": ECHO}), outcome))
        device.on("error", lambda error: error.connection or outcome.set(_silent(str(error))))
        sound.start()
        try:
            device.setup(get_token(), chunderw=signaling.server, ca_file=signaling.ca_file or None, sound=sound,
                         generation=signaling.generation, media=config.media, bridge=bridge,
                         publish_events=False)  # fmt: skip
            check: Check = outcome.get(timeout=CALL_S)
            return check
        except Timeout:
            return _silent(f"nothing came back within {CALL_S:g} s")
        except (AgentError, OSError) as error:
            return _silent(str(error))


def _follow(call: Any, outcome: AsyncResult[Check]) -> None:
    """Wait for the first second in which something came back."""

    def heard(sample: Any) -> None:
        if sample["packetsReceived"]:
            outcome.set(ok("media", f"called {ECHO}, sound both ways: {sample['codecName']}"))

    call.on("sample", heard)
    call.on("error", lambda error: outcome.set(_no_echo() if error.code == NOBODY else _silent(str(error))))
    call.on("disconnect", lambda _call: outcome.ready() or outcome.set(_silent("it hung up")))


def _no_echo() -> Check:
    return warning("media", f"not tried: nobody is called {ECHO} there", "make a call: kiosk-agent call WHOM")


def _silent(why: str) -> Check:
    remedy = "does a firewall let UDP through to the server, and back? Else see media.ice_servers"
    return failed("media", f"called {ECHO}: {excerpt(why, MOST_WHY)}", remedy)
