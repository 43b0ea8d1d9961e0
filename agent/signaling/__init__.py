"""PStream signaling over a secure WebSocket."""
