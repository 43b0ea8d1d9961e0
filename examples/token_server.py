"""Gives each box its access tokens, so that the API key lies on this one machine and on no box.

    python -m examples.token_server --key-file api_key.json --boxes boxes.json

boxes.json has a password for each box: {"door_1": "..."}. It is read anew for each request: a box whose line is taken
out gets no token any more. Put a web server with a certificate in front, for https.
"""

from __future__ import annotations

import argparse
import hmac
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from agent.signaling.token.access_token import mint_token
from agent.signaling.token.token_source import read_key


class TokenRequest(BaseHTTPRequestHandler):
    """GET /token?identity=BOX with `Authorization: Bearer PASSWORD` is answered with a token for BOX."""

    timeout = 10  # seconds that a client may keep us waiting

    def do_GET(self) -> None:
        identity = parse_qs(urlsplit(self.path).query).get("identity", [""])[0]
        password = json.loads(options.boxes.read_text()).get(identity, "")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not password or not hmac.compare_digest(given.encode(), password.encode()):
            self.send_error(403)
            return
        token = mint_token(read_key(options.key_file), identity, ttl_s=3600)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(token.encode())


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--key-file", metavar="JSON", type=Path, required=True, help="account_sid, key_sid and secret")
parser.add_argument("--boxes", metavar="JSON", type=Path, required=True, help="the password of each box")
parser.add_argument("--port", type=int, default=8081, help="TCP port on 127.0.0.1 (default: 8081; 0: any)")

if __name__ == "__main__":
    options = parser.parse_args()
    with ThreadingHTTPServer(("127.0.0.1", options.port), TokenRequest) as server:
        print(f"tokens at http://127.0.0.1:{server.server_port}/token", flush=True)
        server.serve_forever()
