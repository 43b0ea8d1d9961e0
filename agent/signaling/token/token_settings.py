"""The section [token] of config.toml: exactly one place that access tokens come from."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_TTL_S = 24 * 3600
DEFAULT_TTL_S = 3600
SOURCES = ("value", "file", "url", "command", "key_file", "api_key_sid")


@dataclass(frozen=True)
class TokenSettings:
    """Where tokens come from. None of the sources set means: whoever composes the program chooses one."""

    value: str = field(
        default="",
        repr=False,
        metadata={"help": "the token itself; it ends when it expires", "kind": "token", "secret": True},
    )
    file: str = field(
        default="", metadata={"help": "file that holds the token; read again when it changes", "kind": "file"}
    )
    url: str = field(
        default="",
        repr=False,
        metadata={
            "help": "address that answers with a token; {identity} stands for this box", "kind": "url", "secret": True,
        },
    )
    url_header: str = field(
        default="",
        repr=False,
        metadata={"help": 'header that the address asks for, as "Authorization: Bearer ..."', "secret": True},
    )
    url_member: str = field(
        default="token", metadata={"help": "member with the token, when the address answers with JSON"}
    )
    url_ca_file: str = field(
        default="", metadata={"help": "PEM file of the authority that signed the address's certificate", "kind": "pem"}
    )
    command: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata={
            "help": "program and arguments that print a token; {identity} stands for this box",
            "secret": True,
        },
    )
    key_file: str = field(
        default="",
        metadata={"help": "JSON file with account_sid, key_sid and secret; tokens are minted here", "kind": "file"},
    )
    account_sid: str = field(default="", metadata={"help": "account (AC...) of the API key"})
    api_key_sid: str = field(default="", metadata={"help": "API key (SK...) that tokens are minted with here"})
    api_key_secret: str = field(default="", repr=False, metadata={"help": "secret of the API key", "secret": True})
    application_sid: str = field(
        default="", metadata={"help": "application (AP...) that outgoing calls go through, in minted tokens"}
    )
    ttl_s: int = field(default=DEFAULT_TTL_S, metadata={"help": "life of a minted token", "min": 60, "max": MAX_TTL_S})
    renew_before_s: int = field(
        default=300,
        metadata={"help": "how long before its end a token is renewed; at most half its life", "min": 5, "max": 43_200},
    )
    opaque_life_s: int = field(
        default=3_000,
        metadata={"help": "when to renew a token that does not say when it ends", "min": 60, "max": MAX_TTL_S},
    )

    def __post_init__(self) -> None:
        """Raises ValueError when the sources contradict each other."""
        given = [name for name in SOURCES if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one source of tokens")
        if bool(self.api_key_sid) != bool(self.api_key_secret) or bool(self.api_key_sid) != bool(self.account_sid):
            raise ValueError("account_sid, api_key_sid and api_key_secret belong together; expected all or none")
        name, colon, value = self.url_header.partition(":")
        if self.url_header and not (name.strip().isascii() and colon and value.strip()):
            raise ValueError('url_header must look like "Authorization: Bearer ..."')

    @property
    def source(self) -> str:
        """The one source that is set: a name out of SOURCES, or empty."""
        return next((name for name in SOURCES if getattr(self, name)), "")
