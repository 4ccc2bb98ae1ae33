"""Experiments in the style of public ones, with the exit codes of both programs.

`theirs` is what the original (chaostoolkit-lib 1.45.0) ends with; `python -m tests.chaostoolkit.compare CHAOS` runs
them all by it and by ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
EXTENSION = "tests.chaostoolkit.extension"


@dataclass(frozen=True)
class Sample:
    """`what` is how the table of docs/how-to/chaos-toolkit.md calls it; `build` gets the folder that is the system."""

    what: str
    ours: int
    theirs: int
    build: Callable[[str], Document]


def python(name: str, func: str, kind: str = "action", **more: Any) -> Document:
    """An activity; `arguments`, `secrets` and `provider_timeout` belong to its provider."""
    provider = {"type": "python", "module": EXTENSION, "func": func, "arguments": more.pop("arguments", {})}
    if "secrets" in more:
        provider["secrets"] = more.pop("secrets")
    if "provider_timeout" in more:
        provider["timeout"] = more.pop("provider_timeout")
    return {"type": kind, "name": name, "provider": provider, **more}


def process(name: str, path: str, arguments: Any, kind: str = "action", **more: Any) -> Document:
    provider = {"type": "process", "path": path, "arguments": arguments}
    if "provider_timeout" in more:
        provider["timeout"] = more.pop("provider_timeout")
    return {"type": kind, "name": name, "provider": provider, **more}


def healthy(folder: str) -> Document:
    return python("all is healthy", "healthy", "probe", arguments={"folder": folder}, tolerance=True)


def experiment(folder: str, *method: Document, **more: Any) -> Document:
    """A whole one: healthy is the hypothesis, mending the rollback."""
    return {
        "version": "1.0.0",
        "title": more.pop("title", "The service survives"),
        "description": "It is broken, and its users do not notice.",
        "tags": ["trial"],
        "contributions": {"reliability": "high"},
        "steady-state-hypothesis": {"title": "Users are served", "probes": more.pop("probes", [healthy(folder)])},
        "method": list(method),
        "rollbacks": [python("mend", "mend", arguments={"folder": folder})],
        **more,
    }


def noted(folder: str, text: str = "harmless", **more: Any) -> Document:
    return python(f"note {text}", "note", arguments={"folder": folder, "text": text}, **more)


def broken_before(folder: str) -> Document:
    probe = process("nothing is there", "ls", [f"{folder}/absent"], "probe", tolerance=0)
    return experiment(folder, noted(folder), probes=[probe])


def raises_before(folder: str) -> Document:
    probe = python("asks in vain", "fail", "probe", tolerance=True)
    return experiment(folder, noted(folder), probes=[probe])


def misspelt(folder: str) -> Document:
    document = experiment(folder, noted(folder))
    document["rollback"] = document.pop("rollbacks")
    return document


def runtime(strategy: str) -> Document:
    return {"hypothesis": {"strategy": strategy}}


def breaking(folder: str, seconds: float = 0.0) -> Document:
    return python("break it", "break_it", arguments={"folder": folder, "seconds": seconds})


def background(folder: str) -> Document:
    quick = noted(folder, "meanwhile", pauses={"before": 0.1, "after": 0.1})
    return experiment(folder, python("sleep", "sleep", arguments={"seconds": 0.5}, background=True), quick)


SAMPLES = (
    Sample("all is well", 0, 0, lambda f: experiment(f, noted(f))),
    Sample("not steady before", 4, 0, broken_before),
    Sample("a probe raised before", 4, 1, raises_before),
    Sample("an action raised", 3, 0, lambda f: experiment(f, python("fail", "fail"))),
    Sample(
        "an action took longer than its provider's timeout (process)",
        3,
        0,
        lambda f: experiment(f, process("sleep", "sleep", ["8"], provider_timeout=0.5)),
    ),
    Sample(
        "an action took longer than its timeout (python)",
        3,
        0,
        lambda f: experiment(f, python("sleep", "sleep", arguments={"seconds": 3}, timeout=0.5)),
    ),
    Sample("a command ended with an error", 3, 0, lambda f: experiment(f, process("fail", "false", []))),
    Sample("a probe of the method raised", 3, 0, lambda f: experiment(f, python("fail", "fail", "probe"))),
    Sample("broken during, fine after", 1, 0, lambda f: experiment(f, breaking(f, 20))),
    Sample(
        "broken during, fine after, looked at continuously",
        1,
        0,
        lambda f: experiment(f, breaking(f, 20), runtime=runtime("continuously")),
    ),
    Sample(
        'broken during, fine after, with the strategy "default" in the file',
        0,
        0,
        lambda f: experiment(f, breaking(f, 1.5), runtime=runtime("default")),
    ),
    Sample("broken after", 1, 1, lambda f: experiment(f, breaking(f))),
    Sample(
        "a probe raised after",
        1,
        1,
        lambda f: experiment(
            f,
            breaking(f),
            probes=[python("asks", "fail_when_broken", "probe", arguments={"folder": f}, tolerance=True)],
        ),
    ),
    Sample(
        "looked at before the method only",
        3,
        0,
        lambda f: experiment(f, breaking(f), runtime=runtime("before-method-only")),
    ),
    Sample("no steady state at all", 3, 0, lambda f: experiment(f, breaking(f), probes=[])),
    Sample("no method", 0, 0, lambda f: experiment(f)),
    Sample(
        "a rollback raised",
        6,
        0,
        lambda f: experiment(f, noted(f), rollbacks=[python("fail", "fail"), noted(f, "second rollback")]),
    ),
    Sample("an action in the background", 0, 0, background),
    Sample("a misspelt key", 2, 0, misspelt),
    Sample("a misspelt function", 2, 1, lambda f: experiment(f, python("note", "notee"))),
    Sample("a command that is not there", 2, 1, lambda f: experiment(f, process("x", "no-such-command", []))),
    Sample(
        "a tolerance with a fraction",
        2,
        1,
        lambda f: experiment(f, probes=[python("n", "number", "probe", arguments={"value": 1.5}, tolerance=1.5)]),
    ),
    Sample(
        "an environment variable that is not set",
        2,
        1,
        lambda f: experiment(f, noted(f), configuration={"x": {"type": "env", "key": "NOT_SET_ANYWHERE"}}),
    ),
)
