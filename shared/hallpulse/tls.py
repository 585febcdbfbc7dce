"""TLS for every connection: 1.2 or newer. The other side must show a certificate of its host from a trusted authority.

The URL of a connection names its files, in the words of RabbitMQ's own clients:
amqps://USER:PASSWORD@HOST:5671/VHOST?cacertfile=CA.pem&certfile=OWN.pem&keyfile=OWN.key. Without `cacertfile` the
machine's authorities are trusted; `certfile` and `keyfile` are for a server that asks for a client certificate.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from hallpulse.domain.errors import Halt

_NAMES = ("cacertfile", "certfile", "keyfile")
_ENCRYPTED = ("amqps://", "https://")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files, empty for none. ca: the authorities to trust; cert, key: the own certificate and its key."""

    ca: str = ""
    cert: str = ""
    key: str = ""


NO_FILES = TlsFiles()


def trusting(url: str, ca: str) -> str:
    """Return the URL with the authorities to trust added if it names none; an unencrypted URL is returned unchanged.

    A client certificate is never added: a server's certificate is not meant to identify it to other servers.
    """
    if not ca or not url.startswith(_ENCRYPTED) or split_files(url)[1].ca:
        return url
    base, _, query = url.partition("?")
    return _joined(base, "&".join(filter(None, (query, urlencode({_NAMES[0]: ca})))))


def split_files(url: str) -> tuple[str, TlsFiles]:
    """Return the URL without its files, and the files."""
    base, _, query = url.partition("?")
    given = dict(parse_qsl(query))
    files = TlsFiles(*(given.pop(name, "") for name in _NAMES))
    return (_joined(base, urlencode(given)) if files != NO_FILES else url), files


def secured(url: str) -> tuple[str, ssl.SSLContext | None]:
    """Return the URL without its files, and its TLS context, None if it is not encrypted. Raises Halt for bad files."""
    plain, files = split_files(url)
    return plain, client_context(files) if url.startswith(_ENCRYPTED) else None


def _joined(base: str, query: str) -> str:
    return f"{base}?{query}" if query else base


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the TLS context of a client. Raises Halt if a file is missing or invalid."""
    with _told(files.ca):
        context = ssl.create_default_context(cafile=files.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.cert or files.key:
        _show(context, files)
    return context


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the TLS context of a server. Raises Halt if a file is missing or invalid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, files)
    return context


def encrypted(listener: socket.socket, files: TlsFiles) -> socket.socket:
    """Return the listening socket with TLS, unchanged if `files` has no certificate. Raises Halt for bad files.

    The handshake is made at the first read: a client that does not complete it must not hold up `accept`.
    """
    if not files.cert:
        return listener
    return server_context(files).wrap_socket(listener, server_side=True, do_handshake_on_connect=False)


def _show(context: ssl.SSLContext, files: TlsFiles) -> None:
    with _told(f"{files.cert} with {files.key}"):
        context.load_cert_chain(files.cert, files.key)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise Halt with the names of the files, which ssl does not give."""
    try:
        yield
    except ssl.SSLError as error:
        raise Halt(f"TLS: {what}: expected PEM files that belong together: {error.reason or error}") from None
    except OSError as error:
        raise Halt(f"TLS: {what}: {error.strerror or error}") from None
