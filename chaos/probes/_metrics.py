"""Reading what instances say about themselves at their metrics path, for the probes that count over all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

from chaos.model.environment import Environment
from chaos.model.errors import ChaosError
from chaos.model.sample import NoSample
from chaos.model.system import Instance

_AT_ONCE = 16
_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?:\s+-?\d+)?\s*$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def reporting(environment: Environment, asked: Callable[[Instance], bool], whose: str) -> list[Instance] | NoSample:
    """Instances that run, have metrics, and are asked; `whose` they are stands in the reason when there are none."""
    try:
        instances = environment.inventory().instances
    except ChaosError as error:
        return NoSample(error.message)
    running = [each for each in instances if each.metrics_path and each.identity and asked(each)]
    return running or NoSample(f"no instance of {whose} that has metrics runs")


def metrics_of(instances: Sequence[Instance], timeout_ms: float) -> dict[str, str]:
    """The text of each instance that answers with 200 in time, by its name, in the order given; all asked together."""

    def fetched(instance: Instance) -> str | None:
        connection = HTTPConnection(instance.address, timeout=timeout_ms / 1000)
        try:
            connection.request("GET", instance.metrics_path)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
            return text if response.status == 200 else None
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(instances)))) as pool:
        texts = list(pool.map(fetched, instances))
    return {each.name: text for each, text in zip(instances, texts, strict=True) if text is not None}


def series_in(metrics: str, *names: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, labels and value of each series of these names; those whose value is no number are left out."""
    for line in metrics.splitlines():
        if line.startswith(names) and (found := _LINE.match(line)) and found[1] in names:
            yield found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])


def labels_in(selector: str) -> dict[str, str]:
    """Of what stands between the braces of a selector."""
    return dict(_LABEL.findall(selector))
