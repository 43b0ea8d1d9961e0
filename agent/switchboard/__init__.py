"""The embedded switchboard: the server side of the signaling, for one site."""
