"""Packets that wait until their source has passed a check."""

from agent.media.dtls.early_packets import KEPT_S, MOST_PACKETS, MOST_SOURCES, EarlyPackets


def keep(early, delivered, source, *packets, now=0.0):
    for packet in packets:
        early.keep(source, lambda packet=packet: delivered.append(packet), now)


def test_packets_of_a_source_are_delivered_in_order_and_once():
    early, delivered = EarlyPackets(), []
    keep(early, delivered, "far end", 1, 2, 3)
    keep(early, delivered, "stranger", 9)
    early.release("far end")
    early.release("far end")
    assert delivered == [1, 2, 3]


def test_packet_is_given_up_after_a_while():
    early, delivered = EarlyPackets(), []
    keep(early, delivered, "stranger", 1, 2)
    assert early.give_up(KEPT_S) == []
    assert early.give_up(KEPT_S + 0.1) == ["stranger", "stranger"]
    early.release("stranger")
    assert delivered == [] and early.give_up(9.0) == []


def test_flood_of_one_source_keeps_its_latest():
    early, delivered = EarlyPackets(), []
    keep(early, delivered, "far end", *range(MOST_PACKETS + 5))
    early.release("far end")
    assert delivered == list(range(5, MOST_PACKETS + 5))
    assert len(early.give_up(0.0)) == 5


def test_flood_of_sources_keeps_the_latest():
    early, delivered = EarlyPackets(), []
    for source in range(MOST_SOURCES + 3):
        keep(early, delivered, source, source)
    for source in range(MOST_SOURCES + 3):
        early.release(source)
    assert delivered == list(range(3, MOST_SOURCES + 3))
    assert early.give_up(0.0) == [0, 1, 2]
