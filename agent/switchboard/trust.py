"""What a site's clients trust: the authority in the state folder. It outlives every clock and changes by command only.

`authority.pem` has the one that signs, and after it the one beside, if there is any: it will sign, or did. `ca.pem` has
the certificates of both, so that a client that has that file follows the change.
"""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

from agent.errors import ConfigError, InvalidStateError
from agent.files import make_private_folder, write_private
from agent.log import FailureLog
from agent.switchboard import certificates
from agent.switchboard.certificates import Identity

log = logging.getLogger(__name__)

SIGNS, TRUSTED = "authority.pem", "ca.pem"
MEND = (
    f"put {SIGNS} back from a copy. Where there is none, remove {SIGNS} and {TRUSTED}: the next start makes another "
    f"authority, and every client needs the new {TRUSTED}"
)


class Trust:
    """The authorities of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trouble = FailureLog(log, "reading the authority")

    @property
    def ca_file(self) -> Path:
        """What clients verify the server with."""
        return self._folder / TRUSTED

    def authority(self, now: dt.datetime) -> Identity | None:
        """Read what signs, or make it in a new folder; None, and a line in the log, when it was here and is not whole.

        It is never replaced for that, nor because of the clock: every client would be lost.
        """
        try:
            authorities = self._read()
        except (FileNotFoundError, ValueError) as error:
            if isinstance(error, ValueError) or self.ca_file.exists():
                self._trouble.failed(f"no certificate can be renewed ({error}); {MEND}")
                return None
            authorities = self._keep(certificates.make_authority())
            log.info("made a certificate authority; clients trust %s", self.ca_file)
        self._tell(authorities)
        if certificates.lasts(authorities[0], now, days=0):
            self._trouble.recovered()
        else:
            self._trouble.failed("by this machine's clock it is not valid; check the clock, or put another beside it")
        return authorities[0]

    def add(self) -> None:
        """Put a new authority beside the one that signs: clients that get `ca.pem` now trust both.

        Raises InvalidStateError, ConfigError.
        """
        present, *beside = self._whole()
        if beside:
            raise InvalidStateError("there are two authorities already; switch between them, or forget the one beside")
        self._tell(self._keep(present, certificates.make_authority()))

    def switch(self) -> None:
        """Let the authority beside sign from now on, and keep the other one beside it. Raises InvalidStateError."""
        present, beside = self._two()
        self._tell(self._keep(beside, present))

    def forget(self) -> None:
        """Remove the authority beside; clients that trust only that one are lost. Raises InvalidStateError."""
        present, _ = self._two()
        self._tell(self._keep(present))

    def _two(self) -> list[Identity]:
        authorities = self._whole()
        if len(authorities) < 2:
            raise InvalidStateError("there is no authority beside the one that signs; add one first")
        return authorities

    def _whole(self) -> list[Identity]:
        try:
            return self._read()
        except FileNotFoundError:
            raise InvalidStateError(f"{self._folder} has no authority; start the switchboard there once") from None
        except ValueError as error:
            raise ConfigError(f"{self._folder / SIGNS} cannot be used ({error}); {MEND}") from None

    def _read(self) -> list[Identity]:
        return certificates.parse_identities((self._folder / SIGNS).read_bytes())

    def _keep(self, *authorities: Identity) -> list[Identity]:
        folder = make_private_folder(self._folder)
        write_private(folder / SIGNS, b"".join(one.pem for one in authorities))
        return list(authorities)

    def _tell(self, authorities: list[Identity]) -> None:
        """Let `ca.pem` say what is to be trusted, the one that signs first."""
        trusted = b"".join(one.certificate_pem for one in authorities)
        if not self.ca_file.exists() or self.ca_file.read_bytes() != trusted:
            write_private(self.ca_file, trusted)
