"""The private names of aiortc that this program leans on: an upgrade that moves one must fail here."""

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from agent.media.dtls.aiortc_adapter import PRIVATE_NAMES, Dtls, new_certificate
from tests.media.peers import run


def test_names_of_the_dtls_transport_exist():
    async def story():
        dtls = Dtls(object(), new_certificate())
        assert [name for name in PRIVATE_NAMES[RTCDtlsTransport] if not hasattr(dtls, name)] == []
        assert dtls.inbound is None and dtls.outbound is None

    run(story())


def test_names_of_a_certificate_exist():
    certificate = new_certificate()
    assert [name for name in PRIVATE_NAMES[RTCCertificate] if not hasattr(certificate, name)] == []
