"""What is made of an exec whose connection ends before ours does: a real server does so when it is busy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from websocket import WebSocketConnectionClosedException

from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.pod_exec import Cut, _conversation

PLACE = Place(Cluster("", "", "", 1.0), "shop", "server")
STDOUT, STATUS = 1, 3


@dataclass
class Talk:
    """As the client's: one look reads all frames that are there, and the last of them is the server's goodbye."""

    frames: dict[int, str]
    read: dict[int, str] = field(default_factory=dict)
    is_shut: bool = False

    @property
    def sock(self) -> Talk:
        return self

    def shutdown(self) -> None:
        self.is_shut = True

    def is_open(self) -> bool:
        return not self.is_shut

    def write_stdin(self, line: str) -> None:
        pass

    def update(self, timeout: float) -> None:
        self.read, self.frames = self.frames, {}
        raise WebSocketConnectionClosedException("socket is already closed.")

    def read_channel(self, channel: int) -> str:
        if channel not in self.read and not self.is_shut:
            self.update(0)
        return self.read.pop(channel, "")


def test_what_was_said_counts_though_the_server_was_gone_before_our_goodbye() -> None:
    talk = Talk({STDOUT: "well", STATUS: json.dumps({"status": "Success"})})
    assert _conversation(talk, "", (PLACE, "main"), float("inf")) == "well"


def test_a_command_that_dies_with_its_container_is_cut_too() -> None:
    message = "command terminated with non-zero exit code: error executing command [python], exit code 137"
    with pytest.raises(Cut, match="a command in server was killed"):
        _conversation(
            Talk({STATUS: json.dumps({"status": "Failure", "message": message})}), "", (PLACE, "main"), float("inf")
        )


def test_a_connection_that_ends_before_the_status_is_cut() -> None:
    with pytest.raises(Cut, match="the connection into server broke: socket is already closed") as raised:
        _conversation(Talk({STDOUT: "we"}), "", (PLACE, "main"), float("inf"))
    assert raised.value.took_effect == "unknown"
