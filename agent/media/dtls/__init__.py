"""DTLS-SRTP of one call (RFC 5764), by way of aiortc and pylibsrtp."""
