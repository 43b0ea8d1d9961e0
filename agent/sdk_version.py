"""Which JavaScript SDK this program behaves like; it says so to the service."""

from __future__ import annotations

SDK_VERSION = "1.15.1"
