"""What a run does: timeouts end things, rollbacks come whatever happens, controls are called, secrets stay secret."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.errors import BadInput
from chaos.model.events import Injecting, RunEnded
from tests.chaostoolkit.corpus import (
    Document,
    breaking,
    experiment,
    healthy,
    misspelt,
    noted,
    process,
    python,
)
from tests.chaostoolkit.trial import chaos, run, start, write

SECRET = "s3cr3t/päss w0rd+"


def notes(folder: Path) -> list[str]:
    file = folder / "notes"
    return file.read_text().splitlines() if file.exists() else []


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def child_is_gone(folder: Path) -> bool:
    """The child of `sleep_with_children`, if that came as far as to have one; a zombie is gone."""
    child = folder / "child"
    try:
        return not child.exists() or Path(f"/proc/{child.read_text()}/cmdline").read_bytes() == b""
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_timeout_ends_the_activity_with_all_that_it_started(folder: Path) -> None:
    hangs = python("hang", "sleep_with_children", arguments={"folder": str(folder)}, timeout=0.7)
    ran = run(folder, experiment(str(folder), hangs))
    assert (ran.code, ran.theirs) == (3, 0)
    assert "took longer than its timeout of 0.7 s" in ran.ended("hang").failure
    assert notes(folder) == ["mended"]
    until(lambda: child_is_gone(folder))


def test_a_crash_of_an_extension_is_its_own(folder: Path) -> None:
    ran = run(folder, experiment(str(folder), python("crash", "crash"), noted(str(folder))))
    assert ran.code == 3
    assert "its process ended with 7: the interpreter is lost" in ran.ended("crash").failure
    assert notes(folder) == ["harmless", "mended"], "the method went on"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_rollbacks_come_also_when_the_run_is_ended_or_killed(ending: signal.Signals, folder: Path) -> None:
    slow = python("slow", "sleep_with_children", arguments={"folder": str(folder)})
    file = write(folder, experiment(str(folder), breaking(str(folder)), slow))
    started = start(folder, "run", str(file))
    until(lambda: (folder / "child").exists())
    started.send_signal(ending)
    output, _ = started.communicate(timeout=60)
    until(lambda: notes(folder) == ["mended"])
    journal = all_runs()[-1].journal
    until(lambda: any(isinstance(event, RunEnded) for event in read(journal)))
    assert not (folder / "broken").exists()
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
    assert started.returncode == expected[ending], output
    until(lambda: chaos(folder, "report", "last").returncode == {signal.SIGINT: 130}.get(ending, 143))
    until(lambda: child_is_gone(folder))


def test_a_rollback_that_failed_keeps_later_runs_out_until_it_was_called_again(folder: Path) -> None:
    (folder / "no").touch()
    rollback = process("undo", "sh", ["-c", f"! test -e {folder}/no"])
    document = experiment(str(folder), noted(str(folder)), rollbacks=[rollback])
    file = str(write(folder, document))
    first = chaos(folder, "run", file)
    assert first.returncode == 6, first.stdout + first.stderr
    assert "Perhaps still broken" in first.stdout
    second = chaos(folder, "run", file)
    assert second.returncode == 4, second.stdout
    assert "left something broken" in second.stdout
    assert chaos(folder, "rollback").returncode == 6
    (folder / "no").unlink()
    again = chaos(folder, "rollback")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "rollbacks came back" in again.stdout
    assert chaos(folder, "run", file).returncode == 0


@pytest.mark.parametrize(("strategy", "mended"), [("always", 1), ("never", 0), ("deviated", 0)])
def test_the_files_own_strategy_for_rollbacks_counts(strategy: str, mended: int, folder: Path) -> None:
    runtime = {"rollbacks": {"strategy": strategy}}
    assert run(folder, experiment(str(folder), noted(str(folder)), runtime=runtime)).code == 0
    assert notes(folder).count("mended") == mended


def test_rollbacks_come_when_it_is_not_steady_before(folder: Path) -> None:
    (folder / "broken").touch()
    assert run(folder, experiment(str(folder), noted(str(folder)))).code == 4
    assert notes(folder) == ["mended"]


def test_what_was_off_is_told_with_the_moment_and_the_value(folder: Path) -> None:
    ran = run(folder, experiment(str(folder), breaking(str(folder), 20)))
    assert ran.code == 1
    assert "false (tolerance true)" in ran.story
    assert "after the method began" in ran.story


def test_a_secret_is_in_no_file_and_on_no_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL_SECRET", SECRET)
    arguments = ["-c", 'echo "$0"; echo "$0" >&2; exit 3', "${token}"]
    document = experiment(
        str(folder),
        python("spill", "spill", secrets=["g"]),
        python("fail", "spill_and_fail", secrets=["g"]),
        process("echo", "sh", arguments),
        {"type": "probe", "name": "ask", "provider": {"type": "http", "url": "http://127.0.0.1:9/?t=${token}"}},
        title="The run of ${token}",
        secrets={"g": {"token": {"type": "env", "key": "TRIAL_SECRET"}}},
        probes=[process("echo too", "sh", arguments, "probe", tolerance=[3, 4, 5])],
        controls=[_control(folder, "tests.chaostoolkit.gossip")],
    )
    file = write(folder, document)
    known = set(folder.rglob("*"))
    done = chaos(folder, "run", str(file), "--out", str(folder / "out"), "--junit", str(folder / "junit.xml"))
    assert done.returncode == 3, done.stdout + done.stderr
    made = {path for path in set(folder.rglob("*")) - known if path.is_file()}
    assert {"journal.jsonl", "report.html", "report.json", "junit.xml"} <= {path.name for path in made}
    texts = {str(path): path.read_text(errors="replace") for path in made} | {"terminal": done.stdout + done.stderr}
    for written in (SECRET, json.dumps(SECRET)[1:-1], "s3cr3t%2Fp%C3%A4ss", "s3cr3t", "czNjcjN0L3DDpHNz"):
        assert [name for name, text in texts.items() if written in text] == []
    assert "Bearer ***" in texts[str(all_runs()[-1].journal)]
    assert "gossip: ***" in done.stdout


def test_a_secret_stays_one_when_the_guardian_takes_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL_SECRET", SECRET)
    document = experiment(
        str(folder),
        python("sleep", "sleep", arguments={"seconds": 30}),
        secrets={"g": {"token": {"type": "env", "key": "TRIAL_SECRET"}}},
        rollbacks=[python("fail", "spill_and_fail", secrets=["g"])],
    )
    started = start(folder, "run", str(write(folder, document)))
    until(lambda: bool(all_runs()) and any(isinstance(each, Injecting) for each in read(all_runs()[-1].journal)))
    started.kill()
    started.communicate()
    until(lambda: any(isinstance(event, RunEnded) for event in read(all_runs()[-1].journal)))
    texts = [path.read_text(errors="replace") for path in all_runs()[-1].path.rglob("*") if path.is_file()]
    assert not any("s3cr3t" in text for text in texts)
    assert any("401 for https://user:***@example.com" in text for text in texts)
    assert chaos(folder, "report", "last").returncode == 6


def _control(folder: Path, module: str = "tests.chaostoolkit.controls", **more: Any) -> Document:
    provider = {"type": "python", "module": module, "arguments": {"log": str(folder / "log")}}
    return {"name": "log", "provider": provider, **more}


def test_controls_are_called_around_everything(folder: Path) -> None:
    document = experiment(str(folder), noted(str(folder)), controls=[_control(folder)], secrets={"g": {}})
    assert run(folder, document).code == 0
    told = (folder / "log").read_text().splitlines()
    assert [line for line in told if line != "cleanup"] == [  # of a run before, in this process
        "configure The service survives ['g']",
        "before experiment",
        "before hypothesis",
        "before activity all is healthy",
        "after activity all is healthy ",
        "after hypothesis True",
        "before method",
        "before activity note harmless",
        "after activity note harmless succeeded",
        "after method ['note harmless']",
        "before hypothesis",
        "before activity all is healthy",
        "after activity all is healthy ",
        "after hypothesis True",
        "before rollback",
        "before activity mend",
        "after activity mend succeeded",
        "after experiment completed False 1 1",
    ]


def test_a_control_that_is_not_automatic_is_called_where_it_is_named(folder: Path) -> None:
    named = noted(str(folder), controls=[{"name": "log", "ref": "log"}])
    document = experiment(str(folder), named, controls=[_control(folder, automatic=False, scope="after")])
    assert run(folder, document).code == 0
    told = (folder / "log").read_text().splitlines()
    assert [line for line in told if "activity" in line] == ["after activity note harmless succeeded"]
    assert not any("hypothesis" in line or "method" in line for line in told)


@pytest.mark.parametrize(
    ("at", "interrupt", "code", "says"),
    [
        ("before method", True, 5, "Aborted by guardrail control log: enough of that"),
        ("before activity note", True, 5, "enough of that"),
        ("before method", "by signal", 5, "as chaoslib.exit does"),
        ("before method", False, 3, "ValueError: the control itself is broken"),
        ("configure", False, 4, "control 'log' could not be set up"),
    ],
)
def test_a_control_can_end_the_run_and_one_that_is_broken_is_not_hidden(
    at: str, interrupt: bool | str, code: int, says: str, folder: Path
) -> None:
    configuration = {"break_at": at, "interrupt": interrupt}
    document = experiment(str(folder), noted(str(folder)), controls=[_control(folder)], configuration=configuration)
    ran = run(folder, document)
    assert ran.code == code, ran.story
    assert says in ran.story
    if at != "configure":
        assert notes(folder)[-1] == "mended"


@pytest.mark.parametrize("func", ["interrupt", "leave_by_signal"])
def test_an_activity_can_end_the_run_and_it_is_told_that_nothing_was_rolled_back(func: str, folder: Path) -> None:
    document = experiment(str(folder), python("end it", func), noted(str(folder)), rollbacks=[])
    ran = run(folder, document)
    assert (ran.code, ran.theirs) == (5, 1), ran.story
    assert "what its actions did was not rolled back" in ran.story
    assert notes(folder) == []


class _Web(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        url = urlparse(self.path)
        if url.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):  # never silent for long: only the activity's own timeout ends this
                self.wfile.write(b".")
                time.sleep(0.1)
            return
        status = int(url.path.strip("/") or 200)
        self._send(status, {"query": parse_qs(url.query), "token": self.headers.get("X-Token")})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._send(201, {"body": body, "type": self.headers.get("Content-Type")})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _http(name: str, url: str, kind: str = "action", tolerance: Any = None, **provider: Any) -> Document:
    asked: Document = {"type": kind, "name": name, "provider": {"type": "http", "url": url, **provider}}
    return asked if tolerance is None else {**asked, "tolerance": tolerance}


def test_requests_are_made_as_the_file_says(web: str, folder: Path) -> None:
    tolerance = {"type": "jsonpath", "path": "$.query.q[0]", "target": "body", "expect": "7"}
    ran = run(
        folder,
        experiment(
            str(folder),
            _http("get", "${base}/", arguments={"q": "${seven}"}, headers={"X-Token": "t"}),
            _http("form", f"{web}/", method="POST", arguments={"a": 1}),
            _http("json", f"{web}/", method="POST", arguments={"a": 1}, headers={"Content-Type": "application/json"}),
            probes=[_http("asks", "${base}/", "probe", tolerance, arguments={"q": "${seven}"})],
            configuration={"seven": 7, "base": web},
        ),
    )
    assert ran.code == 0, ran.story
    assert json.loads(ran.ended("get").output)["body"] == {"query": {"q": ["7"]}, "token": "t"}
    assert json.loads(ran.ended("form").output)["body"]["body"] == "a=1"
    assert json.loads(ran.ended("json").output)["body"] == {"body": '{"a": 1}', "type": "application/json"}


def test_requests_that_fail_or_hang_leave_no_answer(web: str, folder: Path) -> None:
    ran = run(
        folder,
        experiment(
            str(folder),
            _http("refused", f"{web}/503"),
            _http("slow", f"{web}/slow", "probe", timeout=0.5),
            _http("nobody", "http://127.0.0.1:9/", "probe", max_retries=1),
        ),
    )
    assert ran.code == 3
    assert ran.ended("refused").failure == "the request was answered with status 503"
    assert "timeout of 0.5 s" in ran.ended("slow").failure
    assert "failed to connect to http://127.0.0.1:9/" in ran.ended("nobody").failure


def test_pauses_and_the_background_take_their_time_together(folder: Path) -> None:
    quick = noted(str(folder), "meanwhile", pauses={"before": 0.2, "after": "${wait}"})
    waits = {"folder": str(folder), "step": "note meanwhile"}
    slow = python("slow", "sleep_until_ended", arguments=waits, background=True)
    began = time.monotonic()
    ran = run(folder, experiment(str(folder), slow, quick, configuration={"wait": 0.3}))
    assert ran.code == 0
    assert time.monotonic() - began > 0.5
    assert ran.ended("note meanwhile").at < ran.ended("slow").at
    assert ran.ended("slow").output == '"slept"'


def test_a_value_can_be_asked_for_and_set_from_outside(folder: Path) -> None:
    provider = {"type": "process", "path": "echo", "arguments": ["from a command"]}
    document = experiment(
        str(folder),
        noted(str(folder), "${asked}, ${given}"),
        configuration={"asked": {"type": "probe", "provider": provider}, "given": "in the file"},
    )
    assert run(folder, document, given="from outside").code == 0
    assert notes(folder)[0] == "from a command, from outside"


def test_nothing_is_run_when_something_cannot_be_called(folder: Path) -> None:
    wrong = [
        python("a", "notee"),
        python("b", "note", arguments={"folder": "x", "tekst": "y"}),
        process("c", "no-such-command", []),
        {"type": "action", "name": "d", "provider": {"type": "python", "module": "not_installed.x", "func": "f"}},
    ]
    with pytest.raises(BadInput) as told:
        run(folder, experiment(str(folder), *wrong))
    for words in (
        'method: a: tests.chaostoolkit.extension has no function notee, did you mean "note"?',
        "method: b: tests.chaostoolkit.extension.note: ",
        "it takes: folder, text",
        "method: c: there is no command no-such-command",
        "method: d: the module not_installed.x is not installed here",
    ):
        assert words in str(told.value)
    assert notes(folder) == []


def test_plan_and_validate_read_it_and_call_nothing(folder: Path) -> None:
    file = str(write(folder, experiment(str(folder), breaking(str(folder)), probes=[healthy(str(folder))])))
    planned = chaos(folder, "plan", file)
    assert planned.returncode == 0, planned.stderr
    assert "extension.break_it(" in planned.stdout
    assert "rollbacks, whatever happens, also when the run is killed: mend" in planned.stdout
    assert chaos(folder, "plan", file, "--json").stdout.startswith("{")
    checked = chaos(folder, "validate", file)
    assert "ok, Chaos Toolkit experiment The service survives" in checked.stdout, checked.stderr
    assert not (folder / "broken").exists()
    bad = str(write(folder, misspelt(str(folder))))
    assert chaos(folder, "validate", bad).returncode == 2
