"""SIP over a secure WebSocket: any PBX in the place of the voice service (RFC 3261, RFC 7118)."""
