"""What Prometheus reads: Toxiproxy's names and labels, and of the process what every Prometheus client tells."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from chaos.proxy.proxy import Proxy

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Series = tuple[str, str, str, str, str]
"""received or sent, direction, listener, proxy, upstream."""


class Metrics:
    """`proxies`: the bytes of each; `runtime`: what the process takes. Without either nothing is told."""

    def __init__(self, proxies: bool, runtime: bool) -> None:
        self.any = proxies or runtime
        self._proxies = proxies
        self._runtime = runtime
        self._past: Counter[_Series] = Counter()

    def ended(self, proxy: Proxy) -> None:
        """Its bytes go on being counted: a counter that falls would be taken for a restart."""
        self._past.update(_bytes(proxy))

    def text(self, proxies: Iterable[Proxy]) -> str:
        lines = self._of_proxies(proxies) if self._proxies else []
        return "\n".join([*lines, *(_of_process() if self._runtime else []), ""])

    def _of_proxies(self, proxies: Iterable[Proxy]) -> list[str]:
        """Up to this moment, open connections included."""
        total = Counter(self._past)
        for proxy in proxies:
            total.update(_bytes(proxy))
        lines = []
        for what in ("received", "sent"):
            name = f"toxiproxy_proxy_{what}_bytes_total"
            lines += [f"# HELP {name} Bytes {what} by a proxy.", f"# TYPE {name} counter"]
            lines += [
                f"{name}{_labels(series)} {count}" for series, count in sorted(total.items()) if series[0] == what
            ]
        return lines


def _bytes(proxy: Proxy) -> dict[_Series, int]:
    up_received, up_sent, down_received, down_sent = proxy.traffic
    of = (proxy.listen_address, proxy.name, proxy.upstream_address)
    return {
        ("received", "upstream", *of): up_received,
        ("sent", "upstream", *of): up_sent,
        ("received", "downstream", *of): down_received,
        ("sent", "downstream", *of): down_sent,
    }


def _labels(series: _Series) -> str:
    names = ("direction", "listener", "proxy", "upstream")
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, series[1:], strict=True)) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _of_process() -> list[str]:
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "process_cpu_seconds_total": usage.ru_utime + usage.ru_stime,
        "process_max_fds": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "process_open_fds": len(os.listdir("/proc/self/fd")),
        "process_resident_memory_bytes": int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        "process_start_time_seconds": round(time.time() - uptime + int(fields[19]) / ticks, 2),
        "process_virtual_memory_bytes": int(fields[20]),
    }
    kinds = {name: "counter" if name.endswith("_total") else "gauge" for name in told}
    return [line for name, value in told.items() for line in (f"# TYPE {name} {kinds[name]}", f"{name} {value}")]
