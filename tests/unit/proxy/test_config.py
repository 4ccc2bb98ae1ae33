"""A configuration that cannot work is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.model.errors import BadInput
from chaos.proxy.config import load_config, split_address


def test_a_configuration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "proxy.json"
    path.write_text('{"proxies": [{"name": "a", "listen": "127.0.0.1:1", "upstream": "[::1]:2", "base_delay_ms": 30}]}')
    (proxy,) = load_config(path).proxies
    assert (proxy.name, proxy.base_delay_ms) == ("a", 30.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not a proxy configuration"),
        ('{"proxies": [{"name": "a"}]}', "missing required field `listen`"),
        ('{"proxies": [{"name": "a", "listen": "8080", "upstream": "h:1"}]}', "'8080' is not an address"),
        (
            '{"proxies": [{"name": "a", "listen": "h:1", "upstream": "h:2"},'
            ' {"name": "a", "listen": "h:3", "upstream": "h:4"}]}',
            "two proxies are called 'a'",
        ),
    ],
)
def test_a_wrong_one_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "proxy.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        load_config(path)


def test_a_missing_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        load_config(tmp_path / "none.json")


def test_addresses() -> None:
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:80") == ("::1", 80)
    for wrong in ("", "host", "host:", ":80", "host:99999", "host:http"):
        with pytest.raises(BadInput):
            split_address(wrong)
