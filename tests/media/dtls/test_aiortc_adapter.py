"""The private names of aiortc that this program leans on: an upgrade that moves one must fail here."""

import ast
from importlib.metadata import version
from pathlib import Path

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

import agent.media.dtls.aiortc_adapter as adapter
from agent.media.dtls.aiortc_adapter import PRIVATE_NAMES, Dtls, new_certificate
from tests.media.peers import run

MEDIA = Path(adapter.__file__).parents[1]


def test_pinned_version_is_installed():
    assert version("aiortc").startswith("1.16.")


def test_names_of_the_dtls_transport_exist():
    async def story():
        dtls = Dtls(object(), new_certificate())
        assert [name for name in PRIVATE_NAMES[RTCDtlsTransport] if not hasattr(dtls, name)] == []
        assert dtls.inbound is None and dtls.outbound is None

    run(story())


def test_names_of_a_certificate_exist():
    certificate = new_certificate()
    assert [name for name in PRIVATE_NAMES[RTCCertificate] if not hasattr(certificate, name)] == []


def test_every_name_of_the_list_is_used():
    source = Path(adapter.__file__).read_text()
    uses = source[source.index("MAX_RECORD_BYTES =") :]
    assert [name for group in PRIVATE_NAMES.values() for name in group if name not in uses] == []


def test_no_other_file_touches_a_private_name():
    names = {name for group in PRIVATE_NAMES.values() for name in group}
    for path in MEDIA.rglob("*.py"):
        if path == Path(adapter.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in names:
                assert isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"), (path.name, node.attr)
