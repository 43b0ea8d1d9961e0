"""The two hot ways of a packet in C, where a compiler was at installation; the Python ways are the reference."""
