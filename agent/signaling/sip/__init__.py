"""SIP over a secure WebSocket, to any PBX or edge that speaks it (RFC 3261, 7118, 5626)."""
