"""Rules of the whole test run: what may be skipped, and what is only run when asked for."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import leftovers

ROOT = Path(__file__).resolve().parent.parent
CLUSTER = Path(__file__).parent / "cluster"
MEDIA = Path(__file__).parent / "media"
PROOFS = Path(__file__).parent / "experiments" / "test_every_experiment_is_proven.py"
PROOF_BESIDE_AN_ACCOUNT = PROOFS.with_name("test_region_evacuation.py")
EXPECTED_SKIPS = Path(__file__).parent / "expected_skips"

# The same examples in every run, and none of them is late or slow to make up: whether a change is good must depend
# neither on luck nor on the machine. New ones are looked for on purpose, by `make explore`.
settings.register_profile(
    "steady", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("steady"), derandomize=False, max_examples=3000)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove-one", action="store_true", help="prove a shipped experiment, chosen by the commit's hash")
    parser.addoption("--prove-all", action="store_true", help="prove every shipped experiment")
    parser.addoption("--run-benchmarks", action="store_true", help="run tests/benchmarks, which measure and print")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Some are run only when they are asked for.

    Benchmarks are no tests: their result depends on the machine, so they never decide anything. Proofs take two minutes
    each. Tests on a cluster take whichever KUBECONFIG names, and only who names their folder can mean that. Those of
    media encode in every codec that there is, for half a minute.
    """
    if collection_path == PROOFS and not (config.getoption("--prove-one") or config.getoption("--prove-all")):
        return True
    if collection_path == PROOF_BESIDE_AN_ACCOUNT and not config.getoption("--prove-all"):
        return True
    if "benchmarks" in collection_path.parts and not config.getoption("--run-benchmarks"):
        return True
    if collection_path == CLUSTER and not any("cluster" in Path(each).parts for each in config.args):
        return True
    if collection_path == MEDIA and not any("media" in Path(each).parts for each in config.args):
        return True
    return None


class _Skips:
    """Collects why tests were skipped, and fails the run for a reason nobody has written down."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    def _note(self, nodeid: str, longrepr: object) -> None:
        reason = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
        self.reasons[nodeid] = reason.removeprefix("Skipped: ")

    def unexpected(self) -> dict[str, str]:
        allowed = [line.strip() for line in EXPECTED_SKIPS.read_text().splitlines()]
        allowed = [line for line in allowed if line and not line.startswith("#")]
        return {node: why for node, why in self.reasons.items() if not any(why.startswith(line) for line in allowed)}


def pytest_configure(config: pytest.Config) -> None:
    # A shell has what it runs in the background ignore Ctrl-C, and children inherit that: tests press it in theirs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leftovers.end_leftovers()
    leftovers.mark_this_run()
    config.pluginmanager.register(_Skips(), "expected-skips")


def pytest_sessionfinish(session: pytest.Session) -> None:
    skips = session.config.pluginmanager.get_plugin("expected-skips")
    assert isinstance(skips, _Skips)
    if skips.unexpected():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skips = config.pluginmanager.get_plugin("expected-skips")
    assert isinstance(skips, _Skips)
    for node, why in skips.unexpected().items():
        terminalreporter.write_line(f"FAILED {node}: skipped, and tests/expected_skips has no such reason: {why}")


@pytest.fixture
def steadfast_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no run, lock or platform of the user is touched."""
    home = tmp_path / "home"
    monkeypatch.setenv("STEADFAST_HOME", str(home))
    return home
