"""The local web page: status, virtual front panel, browser phone."""
