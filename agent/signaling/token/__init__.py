"""Access tokens: minted, fetched, renewed in time."""
