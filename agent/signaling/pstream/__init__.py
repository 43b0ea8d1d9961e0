"""The voice service's own protocol over a secure WebSocket (docs/spec/signaling.md)."""
