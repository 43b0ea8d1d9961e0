"""From the section [sip] to the account that a Device registers with."""

from __future__ import annotations

from collections.abc import Callable

from agent.config.sections import Config
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.instance import this_machine


def sip_account(config: Config, secret: Callable[[], str] | str, instance: str = "") -> SipAccount:
    """Make the account of `[sip]`; raises InvalidArgumentError."""
    sip = config.sip
    return SipAccount(
        edges=sip.edges, user=sip.user or config.box.identity, domain=sip.domain, secret=secret,
        display_name=sip.display_name, expires_s=sip.expires_s, instance=instance or sip.instance or this_machine(),
        reject_with=sip.reject_with, headers=sip.header_values, trusted_edges=sip.trusted,
    )  # fmt: skip
