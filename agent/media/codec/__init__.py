"""Sound to RTP payloads and back: Opus, G.711, DTMF events, loss concealment."""
