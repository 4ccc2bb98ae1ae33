"""`python -m chaos.proxy.toxics_page` prints docs/reference/toxics.md, from the toxics themselves."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import msgspec

from chaos.proxy.requests import ForRequests
from chaos.proxy.schedule import Schedule
from chaos.proxy.toxics import Toxic, toxic_type, toxic_types

EXAMPLES: dict[str, dict[str, Any]] = {
    "bandwidth": {"attributes": {"rate": 1000}, "schedule": {"ramp": 30_000}},
    "http_body": {"attributes": {"replace": "{broken", "path": "/cart", "share": 0.1}},
    "http_delay": {"attributes": {"delay": 800, "method": "POST", "header": "x-user: vip"}},
    "http_status": {"attributes": {"status": 429, "path": "/search", "share": 0.3}, "ttl": 60_000},
    "latency": {"attributes": {"distribution": "histogram", "histogram": [[20, 90], [200, 9], [3000, 1]]}},
    "limit_data": {"attributes": {"bytes": 65_536}, "toxicity": 0.2},
    "loss_stall": {"stream": "both", "attributes": {"loss_rate": 0.02, "correlation": 0.3}},
    "noop": {},
    "packet_loss": {"attributes": {"loss_rate": 0.05}},
    "reset_peer": {"attributes": {"timeout": 100}, "clients": ["10.0.0.0/8"]},
    "slicer": {"attributes": {"average_size": 64, "size_variation": 32, "delay": 500}},
    "slow_close": {"attributes": {"delay": 2000}},
    "timeout": {"stream": "upstream", "attributes": {"timeout": 0}, "sni": ["*.example.org"]},
    "udp_corrupt": {"attributes": {"share": 0.01, "bits": 2}},
    "udp_delay": {"attributes": {"delay": 40, "jitter": 15}},
    "udp_duplicate": {"attributes": {"share": 0.05}},
    "udp_loss": {"attributes": {"loss_rate": 0.1, "correlation": 0.5}},
    "udp_reorder": {"attributes": {"share": 0.1, "gap": 3}},
}

_FIRST = """# Toxics

What the fault proxy can do to a connection. This page is printed by `python -m chaos.proxy.toxics_page`.

A toxic is put on a proxy by `POST /proxies/NAME/toxics`, in the `toxics` of a proxy at its creation or in `/populate`,
or in a test by `link.toxic("TYPE", ...)` ([how](../how-to/fault-proxy-in-tests.md)):

```json
{"type": "latency", "stream": "both", "toxicity": 0.5, "attributes": {"latency": 200, "jitter": 50}, "ttl": 60000}
```

What makes no sense is refused with 400 and a sentence. Names in any case are read, unknown ones are ignored.
`POST` or `PATCH /proxies/NAME/toxics/TOXIC` changes `attributes` (those left out stay), `toxicity`, `ttl` or
`expires_at`; what a toxic holds or has counted on open connections stays.

## Fields of every toxic

| field | value | default |
| --- | --- | --- |
| `name` | unique on its proxy | type and stream, e.g. `latency_downstream` |
| `type` | one of the headings below | must be given |
| `stream` | `downstream` (what the server sends), `upstream` (what the client sends), `both` | the type's first |
| `toxicity` | share of the connections it is on, 0 to 1; drawn for each, and again when it is changed | 1 |
| `attributes` | see below | those of the type |
| `ttl` | milliseconds, after which it removes itself | never |
| `expires_at` | the same as an epoch second; it is what is kept and shown | never |
| `clients` | networks (CIDR): only connections from there | all |
| `sni` | names of TLS servers, or `*.` and a domain: only new connections whose clients ask for one of them | all |
| `schedule` | when it is at work, see below | always |

All but the first five are ours: Toxiproxy ignores them. They are shown only where they were asked for. A toxic on both
streams is on both or on neither of a connection.

## Proxies for UDP and for TLS names

```json
[
  {"name": "dns", "listen": "127.0.0.1:5300", "upstream": "127.0.0.1:53", "protocol": "udp", "idle_timeout": 30000},
  {"name": "shops", "listen": "127.0.0.1:8443", "upstream": "127.0.0.1:9443",
   "routes": {"one.example.org": "127.0.0.1:9444", "*.example.org": "127.0.0.1:9445"}}
]
```

This is a `--config` of `chaos proxy serve`, or the body of `/populate`. With `"protocol": "udp"` a client's address has
a session until it is silent for `idle_timeout` ms (60000); what toxics hold there beyond 8 MiB is lost. `routes` lead
TLS clients by the server they ask for (SNI) to an upstream of its own, the exact name before a pattern. Who names none
of them, speaks no TLS, or says nothing for 10 s, goes to `upstream`. The proxy takes no part in the handshake.
These fields are set at the creation of a proxy and by `/populate`.

## Schedules

`{"schedule": {"start_after": 5000, "on": 1000, "off": 4000}}`: after five seconds, one second in five. SCHEDULE

A ramp lets grow what a type lists under *grows*; a bandwidth's limit falls from high to its rate. All connections see a
toxic come and go at the same moments. Where it takes bytes away (`timeout`), the connection is closed when it goes.
"""

_LAST = """
## What Toxiproxy does otherwise

- A slicer without a size and a bandwidth of 0 are refused (there: the process dies; nothing passes, for ever).
- `reset_peer` is a reset on connections that are older than it, too (there: a plain end).
- The time of a `timeout` counts from when the toxic came, and does not begin again with each chunk.
- `toxicity` must be a share, and a stream is shown in lower case.
"""


def page() -> str:
    sections = [_section(name) for name in toxic_types()]
    return _FIRST.replace("SCHEDULE", _paragraph(Schedule)) + "".join(sections) + _LAST


def _section(name: str) -> str:
    found = toxic_type(name)
    assert found is not None, "it is listed"
    module = importlib.import_module(found.__module__)
    about = " ".join((inspect.getdoc(module) or "").split())
    lines = [f"\n## {name}\n", about, "", _paragraph(found), "", f"- streams: {', '.join(found.STREAMS)}"]
    lines.append(f"- proxies: {', '.join(found.PROTOCOLS)}")
    if found.MAGNITUDES:
        lines.append(f"- grows: {', '.join(f'`{each}`' for each in found.MAGNITUDES)}")
    example = msgspec.json.encode({"type": name, **EXAMPLES[name]}).decode()
    return "\n".join([*lines, *_attributes(found), "", "```json", example, "```"]) + "\n"


def _paragraph(of: type) -> str:
    """The docstring of a class, after what those for HTTP have in common."""
    classes = (ForRequests, of) if issubclass(of, ForRequests) else (of,)
    return " ".join(" ".join((each.__doc__ or "").split()) for each in classes)


def _attributes(of: type[Toxic]) -> list[str]:
    fields = msgspec.structs.fields(of)
    if not fields:
        return []
    lines = ["", "| attribute | type | default |", "| --- | --- | --- |"]
    for field in fields:
        default = "must be given" if field.default is msgspec.NODEFAULT else f"`{_shown(field.default)}`"
        lines.append(f"| `{field.name}` | {_type(_annotation(of, field.name))} | {default} |")
    return lines


def _annotation(of: type, name: str) -> str:
    owner = next(each for each in of.__mro__ if name in inspect.get_annotations(each))
    return str(inspect.get_annotations(owner)[name])


def _shown(default: object) -> str:
    return msgspec.json.encode(default).decode()


def _type(annotation: str) -> str:
    if annotation.startswith("Literal"):
        return ", ".join(f"`{each}`" for each in re.findall(r"'(\w+)'", annotation))
    named = {"int": "whole number", "float": "number", "str": "text"}
    return named.get(annotation.removesuffix(" | None"), "list of [ms, weight]")


if __name__ == "__main__":
    print(page(), end="")
