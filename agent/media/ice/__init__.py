"""ICE that restarts below a running call (RFC 8445, RFC 8839), by way of aioice."""
