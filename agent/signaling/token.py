"""Where the access token comes from, and when it is renewed."""

from __future__ import annotations

from agent.signaling.access_token import ApiKey, mint_token, token_validity

__all__ = ["ApiKey", "mint_token", "token_validity"]
