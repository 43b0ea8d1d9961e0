"""The browser-independent core of a call's media: ICE, DTLS, SRTP, codecs, playout."""
