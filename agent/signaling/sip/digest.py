"""The answer to a server that wants to be shown a secret: Digest (RFC 7616, RFC 8760, RFC 3261 section 22).

    response = H(H(user:realm:secret) : nonce : count : own nonce : auth : H(method:uri))

The server never sees the secret. Each nonce counts its uses, so that nobody can use an answer again. A registrar
challenges with 401, a proxy with 407, and there may be a challenge of each of several; each realm gets the strongest
answer that we have. A new nonce that the server calls `stale` says nothing about the secret; any other challenge to an
answer does.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agent.errors import CredentialsError
from agent.log import excerpt
from agent.signaling.sip.header_values import AuthChallenge, read_challenges
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.quoting import quoted

MOST_STALE: Final = 3  #: new nonces that one request may need
MOST_REALMS: Final = 16
MOST_NONCES: Final = 32
#: The strongest first.
ALGORITHMS: Final = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
_SESSION: Final = "-SESS"
_PAIRS: Final = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


@dataclass
class _Nonce:
    """One nonce of the server, and what it was used for."""

    text: str
    own: str  # the same for all its uses, as -sess wants it
    count: int = 0


class DigestClient:
    """Answers the challenges of one account; one object for all its requests, for it counts."""

    def __init__(
        self, user: str, secret: Callable[[], str], own_nonce: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        """`secret` gives the secret as it is at each answer."""
        self._user = user
        self._secret = secret
        self._own_nonce = own_nonce
        self._nonces: dict[str, _Nonce] = {}  # by text, the latest last
        self._latest: dict[str, dict[str, AuthChallenge]] = {}  # by the name of the answer, then by realm

    def answer(self, request: SipRequest, response: SipResponse, tries: int = 0) -> SipHeaders:
        """Return the headers of `request` with what a 401 or 407 asks for; `tries` counts the answers it had before.

        Raises CredentialsError when the secret is refused, or when the server wants what we do not have. The caller
        sends the request with a new branch and the next CSeq.
        """
        challenge_name, answer_name = _PAIRS[response.status]
        by_realm = _strongest(read_challenges(response.headers.values(challenge_name)))
        if not by_realm:
            raise CredentialsError(_unmet(response, challenge_name))
        if tries and not self._may_try_again(request.headers.values(answer_name), by_realm, tries):
            realms = excerpt(", ".join(by_realm))
            raise CredentialsError(f"the server refuses user or secret for {realms}; check user and secret in [sip]")
        self._latest[answer_name] = by_realm
        return self._answered(request, answer_name)

    def anticipate(self, request: SipRequest) -> SipHeaders:
        """Return the headers of `request` with answers to the latest challenges, which may still be good.

        A server that wants another nonce challenges as ever; that says nothing about the secret.
        """
        headers = request.headers
        for answer_name in self._latest:
            headers = self._answered(SipRequest(request.method, request.uri, headers), answer_name)
        return headers

    def _answered(self, request: SipRequest, answer_name: str) -> SipHeaders:
        answers = [self._credentials(challenge, request) for challenge in self._latest[answer_name].values()]
        return request.headers.replaced(answer_name, *answers)

    def _may_try_again(self, given: tuple[str, ...], by_realm: dict[str, AuthChallenge], tries: int) -> bool:
        answered = {realm for one in read_challenges(given) if (realm := one.get("realm")) is not None}
        refused = [one for realm, one in by_realm.items() if realm in answered]
        return tries < MOST_STALE and all((one.get("stale") or "").lower() == "true" for one in refused)

    def _credentials(self, challenge: AuthChallenge, request: SipRequest) -> str:
        realm, algorithm = challenge.get("realm") or "", challenge.get("algorithm") or "MD5"
        nonce = self._use(challenge.get("nonce") or "")
        named = {"username": self._user, "realm": realm, "nonce": nonce.text, "uri": request.uri}
        plain = {"algorithm": algorithm} if challenge.get("algorithm") else {}
        middle = nonce.text
        if challenge.get("qop") is not None:
            count = f"{nonce.count:08x}"
            middle = f"{nonce.text}:{count}:{nonce.own}:auth"
            plain |= {"qop": "auth", "nc": count}
            named["cnonce"] = nonce.own
        elif algorithm.upper().endswith(_SESSION):
            named["cnonce"] = nonce.own
        named["response"] = self._response(algorithm.upper(), realm, nonce, middle, f"{request.method}:{request.uri}")
        if (opaque := challenge.get("opaque")) is not None:
            named["opaque"] = opaque
        written = [f"{name}={quoted(value)}" for name, value in named.items()]
        return "Digest " + ", ".join((*written, *(f"{name}={value}" for name, value in plain.items())))

    def _response(self, algorithm: str, realm: str, nonce: _Nonce, middle: str, what: str) -> str:
        name = ALGORITHMS[algorithm.removesuffix(_SESSION)]
        who = _hash(name, f"{self._user}:{realm}:{self._secret()}")
        if algorithm.endswith(_SESSION):
            who = _hash(name, f"{who}:{nonce.text}:{nonce.own}")
        return _hash(name, f"{who}:{middle}:{_hash(name, what)}")

    def _use(self, text: str) -> _Nonce:
        """Count one more use; the latest nonces are remembered, for several servers may challenge in turn."""
        nonce = self._nonces.pop(text, None) or _Nonce(text, self._own_nonce())
        self._nonces[text] = nonce
        if len(self._nonces) > MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
        nonce.count += 1
        return nonce


def _strongest(challenges: tuple[AuthChallenge, ...]) -> dict[str, AuthChallenge]:
    """Choose for each realm, among the challenges that can be answered."""
    chosen: dict[str, AuthChallenge] = {}
    for rank in ALGORITHMS:
        for one in challenges:
            if _can_answer(one) and _algorithm(one) == rank:
                chosen.setdefault(one.get("realm") or "", one)
    return dict(list(chosen.items())[:MOST_REALMS])


def _can_answer(challenge: AuthChallenge) -> bool:
    qop = challenge.get("qop")
    return (
        challenge.scheme == "digest"
        and challenge.get("nonce") is not None
        and ALGORITHMS.get(_algorithm(challenge)) in hashlib.algorithms_available
        and (qop is None or "auth" in _words(qop))
    )


def _algorithm(challenge: AuthChallenge) -> str:
    return (challenge.get("algorithm") or "MD5").upper().removesuffix(_SESSION)


def _words(qop: str) -> Iterator[str]:
    return (word.strip().lower() for word in qop.split(","))


def _unmet(response: SipResponse, name: str) -> str:
    """Say what the server wants that we do not have."""
    wanted = [f"{one.scheme} {one.get('algorithm') or ''} {one.get('qop') or ''}".strip()
              for one in read_challenges(response.headers.values(name))]  # fmt: skip
    asks = excerpt("; ".join(wanted)) if wanted else "nothing"
    known = ", ".join(ALGORITHMS)
    return f"the server wants a proof that we cannot give ({asks}); let it ask for Digest with {known} and qop auth"


def _hash(name: str, text: str) -> str:
    return hashlib.new(name, text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
