"""Connections on the hub: dialling, TLS, HTTP."""
