"""Certificates of far ends whose keys are not like ours."""

import functools

from aiortc.rtcdtlstransport import generate_certificate
from cryptography.hazmat.primitives.asymmetric import rsa

from agent.media.dtls.aiortc_adapter import Certificate


@functools.cache
def rsa_certificate(bits=2048):
    key = rsa.generate_private_key(65_537, bits)
    return Certificate(key, generate_certificate(key))
