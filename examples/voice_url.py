"""Answers the voice service when it asks what to do with a call: who is rung, in which order, with which parameters.

    TWILIO_AUTH_TOKEN=... python -m examples.voice_url --url https://boxes.example.org/voice --phone-book book.json

The phone book says who is meant by the `To` of a call, which is a name or one of the account's numbers: a list of
steps, each a list of boxes and phones that ring together. With {"reception": [["client:desk_1", "client:desk_2"],
["+15005550006"]]} two boxes ring, and after 20 s the phone. Nobody else can be called, whatever a box asks for. Several
names with commas between them, which is what a box sends whose bell rings all, ring together, step by step.
`--caller-id` is the number that phones are shown. Put a web server with a certificate in front, for https.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import zip_longest
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

RING_S = 20
MOST_BYTES = 64 * 1024
MOST_AT_ONCE = 10  # that the service rings


def twiml_for(form: Mapping[str, str], step: int) -> str:
    """The TwiML for a call: the next step of whom it is for, or its end."""
    response = Element("Response")
    steps = steps_for(form.get("To", "").split(","), json.loads(options.phone_book.read_text()))
    if form.get("DialCallStatus") == "completed" or step >= len(steps):
        SubElement(response, "Hangup")
    else:
        after = f"{options.url}?step={step + 1}"
        dial = SubElement(response, "Dial", answerOnBridge="true", timeout=str(RING_S), action=after)
        for whom in steps[step]:
            ring(dial, whom, form)
    return tostring(response, encoding="unicode")


def steps_for(names: list[str], phone_book: Mapping[str, list[list[str]]]) -> list[list[str]]:
    """Whom these names mean, together: the first steps of all of them, then the second ones, each at most once."""
    found = zip_longest(*(phone_book.get(name.removeprefix("client:"), []) for name in names), fillvalue=[])
    return [list(dict.fromkeys(whom for step in steps for whom in step))[:MOST_AT_ONCE] for steps in found]


def ring(dial: Element, whom: str, form: Mapping[str, str]) -> None:
    """Add a box (`client:NAME`), with the call's own parameters, or a phone."""
    kind, _, name = whom.rpartition(":")
    if kind != "client":
        dial.set("callerId", options.caller_id)
        SubElement(dial, "Number").text = whom
        return
    client = SubElement(dial, "Client")
    SubElement(client, "Identity").text = name
    for key, value in form.items():
        if key[:1].islower():  # what the service itself says begins with a capital: To, From, CallSid
            SubElement(client, "Parameter", name=key, value=value)


def signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """What the service signs its requests with: HMAC-SHA1 of the address and the sorted form, in base64."""
    text = url + "".join(key + form[key] for key in sorted(form))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), "sha1")).decode()


class VoiceRequest(BaseHTTPRequestHandler):
    """POST with the form of a call, signed by the service."""

    timeout = 10  # seconds that a client may keep us waiting

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MOST_BYTES)).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        query = urlsplit(self.path).query
        expected = signature(os.environ["TWILIO_AUTH_TOKEN"], options.url + (f"?{query}" if query else ""), form)
        if not hmac.compare_digest(expected.encode(), self.headers.get("X-Twilio-Signature", "").encode()):
            self.send_error(403)
            return
        twiml = twiml_for(form, int(parse_qs(query).get("step", ["0"])[0]))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(twiml.encode())


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--url", required=True, help="the voice URL as the application names it: it is part of signatures")
parser.add_argument("--phone-book", metavar="JSON", type=Path, required=True, help="who is meant by which name")
parser.add_argument("--caller-id", metavar="NUMBER", default="", help="a number of the account, for calls to phones")
parser.add_argument("--port", type=int, default=8082, help="TCP port on 127.0.0.1 (default: 8082; 0: any)")

if __name__ == "__main__":
    options = parser.parse_args()
    with ThreadingHTTPServer(("127.0.0.1", options.port), VoiceRequest) as server:
        print(f"TwiML at http://127.0.0.1:{server.server_port}/voice", flush=True)
        server.serve_forever()
