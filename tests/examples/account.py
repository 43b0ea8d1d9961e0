"""Plays the HTTP side of the voice service: the account that keys, applications and numbers are made in, and the calls
that ask a voice URL what to do.

What it knows of the service is its public documentation: paths and members of the 2010-04-01 API, access tokens, signed
requests, TwiML. It is no judge of what the service does beyond that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

import jwt

from bench.rig.certificate import make_certificate
from tests.examples.twiml import Step, read_twiml

HOST = "api.twilio.com"
VERSION = "2010-04-01"
LONGEST_S = 24 * 3600


class Refused(Exception):
    """The service does not do it; the first argument is its code."""


def new_sid(kind: str) -> str:
    """A name in the service's form: two letters and 32 hexadecimal digits."""
    return kind + secrets.token_hex(16)


class Account:
    """One account, at an HTTPS server of its own; `numbers` are what it has bought."""

    def __init__(self, folder: Path, *numbers: str) -> None:
        self.sid, self.auth_token = new_sid("AC"), secrets.token_hex(16)
        self.keys: dict[str, str] = {}  #: sid -> secret
        self.applications: dict[str, dict[str, str]] = {}
        self.numbers = {new_sid("PN"): {"phone_number": number} for number in numbers}
        self.fronts: dict[str, str] = {}  #: public address -> where the web server in front passes it on to
        self.ca_file = folder / "account-ca.pem"
        make_certificate(self.ca_file, folder / "account-key.pem", (HOST,))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, folder / "account-key.pem")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- its API ---

    def request(self, method: str, path: str, query: dict[str, str], form: dict[str, str], who: str) -> tuple[int, Any]:
        """Status and document of one request by `who`, `user:password` as HTTP Basic has them."""
        user, _, password = who.partition(":")
        is_owner = (user, password) == (self.sid, self.auth_token)
        if not is_owner and self.keys.get(user) != (password or None):
            return 401, {"code": 20003, "message": "Authenticate", "status": 401}
        prefix = f"/{VERSION}/Accounts/{self.sid}/"
        parts = path.removeprefix(prefix).removesuffix(".json").split("/") if path.startswith(prefix) else []
        match method, parts:
            case "POST", ["Keys"] if is_owner:  # a standard key makes no keys
                return 201, self._add_key(form)
            case "POST", ["Applications"]:
                return 201, self._add_application(form)
            case "GET", ["IncomingPhoneNumbers"]:
                wanted = query.get("PhoneNumber", "")
                found = [{"sid": sid, **has} for sid, has in self.numbers.items() if wanted in has["phone_number"]]
                return 200, {"incoming_phone_numbers": found}
            case "POST", ["IncomingPhoneNumbers", sid] if sid in self.numbers:
                self.numbers[sid] |= {_snake(name): value for name, value in form.items()}
                return 200, {"sid": sid, **self.numbers[sid]}
        return 404, {"code": 20404, "message": "The requested resource was not found", "status": 404}

    def _add_key(self, form: dict[str, str]) -> dict[str, str]:
        sid, secret = new_sid("SK"), secrets.token_urlsafe(24)
        self.keys[sid] = secret
        return {"sid": sid, "friendly_name": form.get("FriendlyName", ""), "secret": secret}

    def _add_application(self, form: dict[str, str]) -> dict[str, str]:
        sid = new_sid("AP")
        self.applications[sid] = {_snake(name): value for name, value in form.items()}
        return {"sid": sid, "account_sid": self.sid, **self.applications[sid]}

    # --- its calls ---

    def call_from_box(self, token: str, **params: str) -> list[Step]:
        """What happens to a call that a box makes with these parameters; Refused when the token does not allow it."""
        claims = self._claims(token)
        voice = claims["grants"]["voice"]
        application = self.applications.get(voice.get("outgoing", {}).get("application_sid", ""))
        if application is None:
            raise Refused(31001, "the token names no application of this account")
        return self.ask(application["voice_url"], From=f"client:{claims['grants']['identity']}", **params)

    def call_from_phone(self, caller: str, number: str) -> list[Step]:
        """What happens to a call from the telephone network to one of the account's numbers."""
        bought = next(each for each in self.numbers.values() if each["phone_number"] == number)
        application = self.applications[bought["voice_application_sid"]]
        return self.ask(application["voice_url"], From=caller, To=number)

    def ask(self, url: str, **form: str) -> list[Step]:
        """Ask a voice URL, signed, what to do; Refused when it does not answer with TwiML."""
        form = {"CallSid": new_sid("CA"), "AccountSid": self.sid, "ApiVersion": VERSION, "Direction": "inbound",
                "CallStatus": "ringing", **form}  # fmt: skip
        signed = url + "".join(name + form[name] for name in sorted(form))
        digest = hmac.new(self.auth_token.encode(), signed.encode(), hashlib.sha1).digest()
        return self.post(url, form, base64.b64encode(digest).decode())

    def post(self, url: str, form: dict[str, str], signature: str) -> list[Step]:
        """Send what `ask` has signed, by way of the web server in front."""
        front, behind = next(pair for pair in self.fronts.items() if url.startswith(pair[0]))
        request = Request(behind + url.removeprefix(front), urlencode(form).encode(), {"X-Twilio-Signature": signature})
        try:
            with urlopen(request, timeout=20) as answer:
                if "xml" not in answer.headers.get_content_type():
                    raise Refused(12300, "invalid Content-Type")
                return read_twiml(answer.read().decode())
        except HTTPError as error:
            raise Refused(11200, f"HTTP retrieval failure: {error.code}") from None

    def _claims(self, token: str) -> dict[str, Any]:
        """What a token says, if it is one of this account."""
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        secret = self.keys.get(claims["iss"])
        if secret is None or claims["sub"] != self.sid or jwt.get_unverified_header(token)["cty"] != "twilio-fpa;v=1":
            raise Refused(20101, "invalid access token")
        if claims["exp"] - claims["iat"] > LONGEST_S:
            raise Refused(20157, "it lives longer than a day")
        try:
            return dict(jwt.decode(token, secret, algorithms=["HS256"]))
        except jwt.InvalidSignatureError:
            raise Refused(20107, "invalid signature") from None


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _handler(account: Account) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()))
            basic = self.headers.get("Authorization", "").removeprefix("Basic ")
            status, document = account.request(method, parts.path, query, form, base64.b64decode(basic).decode())
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler
