"""The process that an activity is called in, so that a timeout can end it. Standard library only: it is run by path,
also by another Python than ours.

Jobs come in by one pipe, each as four bytes of length and a pickle; what came of them goes out by another, each as a
line of JSON. When the first pipe closes, whoever asked is dead: this process ends with all that it started, so that
nothing goes on breaking the system while somebody else rolls back.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib
import inspect
import json
import os
import pickle
import queue
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import traceback
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

Job = dict[str, Any]


def main() -> None:
    """Take jobs until the pipe closes. Arguments: the descriptors of jobs and answers."""
    jobs_from, answers_to = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(jobs_from, False)
    os.set_inheritable(answers_to, False)
    sys.argv = ["chaos"]
    if "" not in sys.path:
        sys.path.insert(0, "")
    jobs: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_receive, args=(jobs_from, jobs), daemon=True).start()
    answers = os.fdopen(answers_to, "w", encoding="utf-8")
    while True:
        job = jobs.get()
        if job is None:
            sys.stdout.flush()
            os._exit(0)  # threads that an activity left behind end with it
        print(json.dumps({"begun": True}), file=answers, flush=True)
        print(_written(_answer(job)), file=answers, flush=True)


def _receive(descriptor: int, jobs: queue.Queue[Any]) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        while True:
            head = pipe.read(4)
            if len(head) < 4:
                os.killpg(0, signal.SIGKILL)
            jobs.put(pickle.loads(pipe.read(int.from_bytes(head, "big"))))


def _answer(job: Job) -> Job:
    try:
        return {"output": _CALLS[job["type"]](job)}
    except BaseException as error:  # noqa: BLE001  SystemExit as well: whatever it is, it is the activity's
        interrupt = any(kind.__name__ == "InterruptExecution" for kind in type(error).__mro__)
        trace = traceback.format_exc()
        return {"error": f"{type(error).__name__}: {error}", "trace": trace[-4000:], "interrupt": interrupt}


def _written(answer: Job) -> str:
    try:
        return json.dumps(answer, default=_plain)
    except (TypeError, ValueError):  # keys that are no text, or a structure that contains itself
        return json.dumps({**answer, "output": repr(answer.get("output"))})


def _plain(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode(errors="replace")
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def _python(job: Job) -> object:
    function = getattr(importlib.import_module(job["module"]), job["func"])
    arguments = dict(job["arguments"])
    parameters = inspect.signature(function).parameters
    if job["secrets"] is not None and "secrets" in parameters:
        arguments["secrets"] = job["secrets"]
    if "configuration" in parameters:
        arguments["configuration"] = job["configuration"]
    result = function(**arguments)
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def _process(job: Job) -> object:
    arguments = job["arguments"]
    if isinstance(arguments, str):
        command: Any = f"{job['path']} {arguments}"
    else:
        flat = [part for pair in arguments.items() for part in pair] if isinstance(arguments, dict) else arguments
        found = shutil.which(job["path"]) or job["path"]
        command = [found, *(str(part) for part in flat or [] if part not in (None, ""))]
    done = subprocess.run(
        command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return {
        "status": done.returncode,
        "stdout": done.stdout.decode(errors="replace"),
        "stderr": done.stderr.decode(errors="replace"),
    }


def _http(job: Job) -> object:
    url, method, headers, body = job["url"], job["method"].upper(), dict(job["headers"]), None
    arguments = job["arguments"]
    if method == "GET":
        if arguments:
            query = arguments if isinstance(arguments, str) else urllib.parse.urlencode(arguments, doseq=True)
            url += ("&" if "?" in url else "?") + query
    elif headers.get("Content-Type") == "application/json":
        body = None if arguments is None else json.dumps(arguments).encode()
    elif arguments is not None:
        body = (arguments if isinstance(arguments, str) else urllib.parse.urlencode(arguments, doseq=True)).encode()
    headers = {"User-Agent": "steadfast", **{name: str(value) for name, value in headers.items()}}
    request = urllib.request.Request(url, body, headers, method=method)
    for attempt in range(job["max_retries"] + 1):
        try:
            return _sent(request, job)
        except (OSError, http.client.HTTPException) as error:
            if attempt == job["max_retries"]:
                raise ConnectionError(f"failed to connect to {url}: {error}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _sent(request: urllib.request.Request, job: Job) -> object:
    context = ssl.create_default_context() if request.type == "https" else None
    if context is not None and not job["verify_tls"]:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        answer = urllib.request.urlopen(request, timeout=job["timeout"], context=context)
    except urllib.error.HTTPError as error:
        answer = error  # an answer like any other: the tolerance says what is good
    with answer:
        data, headers = answer.read(), dict(answer.headers.items())
        charset = answer.headers.get_content_charset() or "utf-8"
    text = data.decode(charset, errors="replace")
    is_json = headers.get("Content-Type") == "application/json"
    return {"status": answer.status, "headers": headers, "body": json.loads(text) if is_json else text}


def _check(job: Job) -> object:
    """What is wrong with python providers, as [index, what, name, the names there are]; nothing is called."""
    wrong = []
    for index, each in enumerate(job["calls"]):
        try:
            module = importlib.import_module(each["module"])
        except BaseException as error:  # noqa: BLE001  a user's module may raise anything when it is imported
            missing = isinstance(error, ModuleNotFoundError) and each["module"].startswith(error.name or "?")
            said = "is not installed here" if missing else f"cannot be imported: {type(error).__name__}: {error}"
            wrong.append([index, "module", said, []])
            continue
        if each["func"]:
            wrong += [[index, *trouble] for trouble in _function_trouble(module, each)]
    return wrong


def _function_trouble(module: object, each: Job) -> list[Any]:
    names = [name for name in dir(module) if callable(getattr(module, name, None)) and not name.startswith("_")]
    function = getattr(module, each["func"], None)
    if not callable(function):
        return [["func", "", names]]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []
    given = dict.fromkeys(each["arguments"])
    given.update({name: None for name in ("secrets", "configuration") if name in signature.parameters})
    try:
        signature.bind(**given)
    except TypeError as error:
        return [["arguments", str(error), list(signature.parameters)]]
    return []


_CALLS = {"python": _python, "process": _process, "http": _http, "check": _check}

if __name__ == "__main__":
    main()
