"""coturn as a child process, with a certificate made for the occasion."""

import asyncio
import contextlib
import shutil

from agent.media.settings import IceServer
from bench.rig import certificate
from bench.rig.ports import unused_port

USER = {"username": "box", "credential": "secret"}
NAME = "relay.test"


def available():
    """Whether coturn is installed."""
    return shutil.which("turnserver") is not None


def make_certificate(folder):
    """A self-signed certificate for this machine's loopback addresses and NAME, as cert.pem and key.pem."""
    certificate.make_certificate(folder / "cert.pem", folder / "key.pem", (NAME, "127.0.0.1", "::1"))
    return folder


class Coturn:
    """Where a server listens, where its relays are, and how it is started."""

    def __init__(self, folder, *addresses, relays=(), options=""):
        self.folder, self.port, self.tls_port = folder, unused_port(), unused_port()
        self.addresses = addresses or ("127.0.0.1", "::1")
        self.relays, self.options = relays or self.addresses, options
        self.ca_file = str(folder / "cert.pem")

    def server(self, form):
        return IceServer((form.format(port=self.port, tls=self.tls_port),), **USER)

    def command(self):
        listening = " ".join(f"--listening-ip {address}" for address in self.addresses)
        relays = " ".join(f"--relay-ip {address}" for address in self.relays)
        return (
            f"turnserver -n -l stdout --no-stdout-log {listening} {relays} {self.options} "
            f"--listening-port {self.port} --tls-listening-port {self.tls_port} --realm test --lt-cred-mech "
            f"--user box:secret --allow-loopback-peers --no-cli --pidfile {self.folder}/pid "
            f"--cert {self.folder}/cert.pem --pkey {self.folder}/key.pem --no-rfc5780"
        ).split()


async def listening(address, port):
    """Wait until something listens there; it opens its ports one after the other."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            return
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def coturn(folder, *addresses, **options):
    server = Coturn(folder, *addresses, **options)
    process = await asyncio.create_subprocess_exec(
        *server.command(),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            for address in server.addresses:
                for port in (server.port, server.tls_port):
                    await listening(address, port)
        yield server
    finally:
        process.terminate()
        await process.wait()
