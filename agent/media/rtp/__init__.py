"""RTP and RTCP (RFC 3550): packets, sessions, statistics. No I/O, no clock."""
