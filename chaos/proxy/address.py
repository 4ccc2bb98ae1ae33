"""Addresses as Toxiproxy (Go) takes and tells them: "host:port", where nothing as the host is every address.

Errors are texts in Go's words, since clients show them; whoever listens puts `listen tcp: ` before.
"""

from __future__ import annotations

import socket

_ANY = ("", "*")


class BadAddress(ValueError):
    """An address that cannot be one; its text is Go's."""


def split(address: str) -> tuple[str, str]:
    """Host and port as they stand, the host without brackets. Raises BadAddress."""
    host, colon, port = address.rpartition(":")
    if not colon:
        raise BadAddress(f"address {address}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    if ":" in host:
        raise BadAddress(f"address {address}: too many colons in address")
    return host, port


def listening(address: str) -> str:
    """The address in numbers: "localhost:80" is "127.0.0.1:80", ":80" is "[::]:80". Raises BadAddress.

    A name is looked up, which may take its time: never in the thread that carries bytes.
    """
    host, service = split(address)
    port = _port(service)
    if host in _ANY:
        return join("::", port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BadAddress(f"lookup {host}: no such host") from error
    # Go prefers IPv4, too: "localhost" is 127.0.0.1 for every client.
    addresses = sorted((each[4] for each in found), key=lambda each: ":" in str(each[0]))
    return join(str(addresses[0][0]), port)


def check_upstream(address: str) -> None:
    """Its name is looked up for each connection, so here it need only have the form. Raises BadAddress."""
    host, service = split(address)
    if not host:
        raise BadAddress(f"address {address}: missing host in address")
    if not _port(service) > 0:
        raise BadAddress(f"address {service}: invalid port")


def join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether what listens on this host can be reached from this machine alone."""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def _port(service: str) -> int:
    if service == "":
        return 0
    if service.isdigit():
        if int(service) > 65535:
            raise BadAddress(f"address {service}: invalid port")
        return int(service)
    try:
        return socket.getservbyname(service, "tcp")
    except OSError as error:
        raise BadAddress(f"lookup tcp/{service}: unknown port") from error
