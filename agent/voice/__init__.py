"""Device and Connection: the public objects of a phone."""
