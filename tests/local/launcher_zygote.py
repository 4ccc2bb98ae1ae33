"""A zygote whose services are a few lines: `python -m tests.local.launcher_zygote --socket PATH`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from target_platform.launcher.zygote import main


def serve(service: str, config: dict[str, Any]) -> None:
    """Answer every request with the policies that were in force at the start."""
    policies_file = Path(config["policies_file"])
    policies = policies_file.read_bytes() if policies_file.exists() else b"none"
    if policies == b"broken":
        raise SystemExit("these policies cannot be read")
    with socket.create_server(("127.0.0.1", config["port"])) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + policies)


if __name__ == "__main__":
    main(prepare=lambda: None, serve=serve)
