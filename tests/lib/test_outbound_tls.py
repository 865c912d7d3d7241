"""TLS through the pinned address: the name is what is verified, and a bad certificate is a certain no."""

import asyncio
import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator_site.lib.outbound import Call, Lost, NotSent, guarded_async_client, guarded_session
from tests.lib.outside import Server

NAME = "service.example"


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(cert), str(private)


@pytest.fixture
def server(settings, tmp_path, monkeypatch):
    cert, private = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    running = Server()
    running.socket = context.wrap_socket(running.socket, server_side=True)
    running.certificate = cert
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    settings.ALLOW_PRIVATE_HOSTS = [f"{host}:{running.port}" for host in (NAME, "other.example", "127.0.0.1")]
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *a, **kw: real("127.0.0.1", port, *a, **kw))
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()


def test_blocking_calls_verify_the_name(server):
    url = f"https://{NAME}:{server.port}/x"
    answer = guarded_session(Call(seconds=5)).post(url, data=b"x", verify=server.certificate)
    assert answer.text == "POST /x" and server.seen[0][2]["Host"] == f"{NAME}:{server.port}"
    for address, verify in ((url, True), (url, False), (url.replace(NAME, "other.example"), server.certificate)):
        with Call(seconds=5) as call, pytest.raises(NotSent):
            guarded_session(call).post(address, data=b"x", verify=verify)
        assert not call.sent
    assert len(server.seen) == 1


def test_a_drip_under_tls_ends_at_the_deadline(server):
    with pytest.raises(Lost) as caught:
        guarded_session(Call(seconds=0.6)).get(f"https://{NAME}:{server.port}/drip", verify=server.certificate)
    assert caught.value.timeout


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_async_calls_verify_the_name(server, library, monkeypatch):
    async def post(host):
        async with guarded_async_client(library) as client:
            return (await client.post(f"https://{host}:{server.port}/x", content=b"x")).text

    def reason(host):
        with pytest.raises(Exception) as caught:
            asyncio.run(post(host))
        return caught.value.__cause__

    assert isinstance(reason(NAME), NotSent)
    monkeypatch.setenv("SSL_CERT_FILE", server.certificate)
    assert asyncio.run(post(NAME)) == "POST /x"
    assert isinstance(reason("other.example"), NotSent)
    assert len(server.seen) == 1
