"""Proxies in files: a configuration that cannot work is refused with a sentence, a state is whole and never old."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chaos.model.errors import BadInput
from chaos.proxy.config import split_address
from chaos.proxy.files import keep_state, load_config, load_state


def test_a_configuration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "proxy.json"
    path.write_text('{"proxies": [{"name": "a", "listen": "127.0.0.1:1", "upstream": "[::1]:2", "base_delay_ms": 30}]}')
    (proxy,) = load_config(path)
    assert (proxy.name, proxy.base_delay_ms) == ("a", 30.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "does not hold proxies"),
        ('{"proxies": 5}', "Expected `array`, got `int`"),
        ('{"proxies": [{"name": "a"}]}', "missing required field: upstream at proxy 1"),
        ('{"proxies": [{"name": "a", "listen": "8080", "upstream": "h:1"}]}', "address 8080: missing port in address"),
        ('[{"name": "a", "upstream": "h:1", "toxics": [{"type": "no"}]}]', "invalid toxic type at toxic 1 of proxy 1"),
        (
            '[{"name": "a", "upstream": "h:2"}, {"name": "a", "upstream": "h:4"}]',
            "a is the name of proxy 1 and of proxy 2",
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


def test_toxiproxys_own_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "toxiproxy.json"
    path.write_text(
        '[{"name": "a", "listen": "[::]:2", "upstream": "h:1", "enabled": false}, {"name": "b", "upstream": "h:1"}]'
    )
    assert [(each.name, each.listen, each.enabled) for each in load_config(path)] == [
        ("a", "[::]:2", False),
        ("b", "127.0.0.1:0", True),
    ]


def test_a_state_is_what_was_kept_without_what_expired_since(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert load_state(path) is None
    toxics = [
        {"name": name, "type": "latency", "expires_at": time.time() + seconds} for name, seconds in LEASES.items()
    ]
    keep_state(path, [{"name": "a", "listen": "127.0.0.1:1", "upstream": "h:1", "enabled": True, "toxics": toxics}])
    found = load_state(path)
    assert found is not None
    assert [toxic.name for toxic in found[0].toxics or ()] == ["alive"]
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


LEASES = {"alive": 600.0, "over": -0.1}


def test_a_state_that_is_broken_is_not_taken_for_none(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('[{"name"')
    with pytest.raises(BadInput, match="does not hold proxies"):
        load_state(path)


def test_addresses() -> None:
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:80") == ("::1", 80)
    for wrong in ("", "host", "host:", ":80", "host:99999", "host:http"):
        with pytest.raises(BadInput):
            split_address(wrong)
