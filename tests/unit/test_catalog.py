"""Plug-ins are found by their file names; a broken one is an error that says what is missing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.catalog import BrokenPlugin, Catalog, class_name
from chaos.model.errors import BadInput
from chaos.model.experiment import PluginUse

SOUND = '''
from typing import ClassVar
from msgspec import Struct
class Freeze(Struct, frozen=True):
    """Freezes it."""
    target_kind: ClassVar[str] = "instance"
    needs: ClassVar[type] = object
    hold_seconds: float = 1.0
    def prepare(self, environment, target, lease): ...
    def inject(self, environment, undo): ...
    def revert(self, environment, undo): ...
    def active(self, environment, undo): ...
'''
PROBE = '''
from typing import ClassVar
from msgspec import Struct
class Look(Struct, frozen=True):
    """Looks."""
    source: ClassVar[str] = "system"
    measures: ClassVar[str] = "share"
    every_seconds: float = 1.0
    def sample(self, environment): ...
'''
GROUPS = ("faults", "probes", "guardrails", "environments", "reports")
Write = Callable[..., Catalog]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A catalogue over a package of plug-in files, given as group__kind="source"."""
    package = f"plugins_of_{tmp_path.name}".replace("-", "_")
    monkeypatch.syspath_prepend(str(tmp_path))

    def call(**files: str) -> Catalog:
        for group in GROUPS:
            (tmp_path / package / group).mkdir(parents=True, exist_ok=True)
        for name, source in files.items():
            group, _, kind = name.partition("__")
            (tmp_path / package / group / f"{kind}.py").write_text(source)
        return Catalog({group: f"{package}.{group}" for group in GROUPS})

    yield call
    for name in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[name]


def test_a_kind_is_a_file_name_and_its_class_the_same_in_camel_case(write: Write) -> None:
    catalog = write(faults__freeze=SOUND, faults___private="raise RuntimeError")
    assert catalog.names("faults") == ("freeze",)
    assert catalog.fault("freeze").__name__ == "Freeze"
    assert class_name("region_outage") == "RegionOutage"


def test_names_import_nothing_and_one_plug_in_does_not_import_another(write: Write) -> None:
    catalog = write(faults__freeze=SOUND, faults__bomb="raise RuntimeError('imported')")
    assert catalog.names("faults") == ("bomb", "freeze")
    assert catalog.fault("freeze")
    with pytest.raises(BrokenPlugin, match=r"bomb .* cannot be imported: RuntimeError: imported"):
        catalog.fault("bomb")


def test_a_plug_in_is_made_from_the_parameters_of_an_experiment_or_a_journal(write: Write) -> None:
    catalog = write(faults__freeze=SOUND, probes__look=PROBE)
    fault = catalog.build_fault(PluginUse(kind="freeze", parameters={"hold_seconds": 3}))
    assert getattr(fault, "hold_seconds", None) == 3.0
    assert catalog.build_probe(PluginUse(kind="look")).measures == "share"
    with pytest.raises(BadInput, match=r"freeze cannot be made of .*hold_seconds"):
        catalog.build_fault(PluginUse(kind="freeze", parameters={"hold_seconds": "long"}))


def test_an_unknown_kind_is_answered_with_what_was_meant(write: Write) -> None:
    with pytest.raises(BadInput, match='there is no fault "freze"\n  did you mean "freeze"'):
        write(faults__freeze=SOUND).fault("freze")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("class Freeze", "class Frozen", "no class Freeze"),
        (", frozen=True", "", "no frozen msgspec Struct"),
        ("(Struct, frozen=True)", "", "no frozen msgspec Struct"),
        ('    """Freezes it."""\n', "", "no docstring"),
        (
            '    target_kind: ClassVar[str] = "instance"\n',
            "",
            "no `target_kind` (one of 'instance', 'link', 'region', 'workload', 'node')",
        ),
        ('"instance"', '"planet"', "the target_kind 'planet', allowed are 'instance', 'link', 'region'"),
        ("    needs: ClassVar[type] = object\n", "", "no `needs` (a capability protocol)"),
        ("    def revert(self, environment, undo): ...\n", "", "no method revert"),
        ("class Freeze", "clas Freeze", "cannot be imported: SyntaxError"),
    ],
)
def test_a_broken_fault_is_an_error_that_names_file_and_what_is_missing(
    write: Write, old: str, new: str, says: str
) -> None:
    assert old in SOUND
    catalog = write(faults__freeze=SOUND.replace(old, new))
    with pytest.raises(BrokenPlugin) as caught:
        catalog.fault("freeze")
    assert says in str(caught.value)
    assert "freeze" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"system"', '"stars"', "the source 'stars', allowed are 'system', 'load'"),
        ('    measures: ClassVar[str] = "share"\n', "", "no `measures`"),
        ("    every_seconds: float = 1.0\n", "", "no field `every_seconds`"),
        ("sample", "simple", "no method sample"),
        ('"system"', '"load"', "no method reduce"),
    ],
)
def test_a_broken_probe_too(write: Write, old: str, new: str, says: str) -> None:
    with pytest.raises(BrokenPlugin) as caught:
        write(probes__look=PROBE.replace(old, new)).probe("look")
    assert says in str(caught.value)


def test_a_guardrail_without_check_and_an_environment_that_cannot_be_opened_are_broken(write: Write) -> None:
    guardrail = 'from msgspec import Struct\nclass Calm(Struct, frozen=True):\n    """Is calm."""\n'
    catalog = write(guardrails__calm=guardrail, environments__moon="")
    with pytest.raises(BrokenPlugin, match="no method check"):
        catalog.guardrail("calm")
    with pytest.raises(BrokenPlugin, match=r"no function open_environment\(ref\)"):
        catalog.environment("moon")
    with pytest.raises(BrokenPlugin):
        catalog.check_all()


def test_another_package_adds_plug_ins_by_entry_points(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = write(probes__look=PROBE)
    _install(tmp_path, "freeze = theirs.cold\nmelt = theirs.cold:Freeze")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "cold.py").write_text(SOUND)
    assert catalog.names("faults") == ("freeze", "melt")
    assert catalog.fault("freeze") is catalog.fault("melt")


def test_two_plug_ins_of_one_name_are_an_error(write: Write, tmp_path: Path) -> None:
    catalog = write(faults__freeze=SOUND)
    _install(tmp_path, "freeze = theirs.cold")
    with pytest.raises(BrokenPlugin, match=r"two faults are called 'freeze': .*faults\.freeze and theirs\.cold"):
        catalog.names("faults")


def test_every_plug_in_of_chaos_is_sound() -> None:
    catalog = Catalog()
    expected = sum(len(catalog.names(group)) for group in GROUPS[:4])
    assert catalog.check_all() == expected > 0


def test_listing_names_imports_no_plug_in() -> None:
    program = """
        import sys
        from chaos.catalog import Catalog
        for group in ("faults", "probes", "guardrails", "environments"):
            assert Catalog().names(group), group
        loaded = [name for name in sys.modules if name.startswith(("chaos.faults", "chaos.probes", "chaos.guard"))]
        assert not loaded, loaded
        assert "yaml" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _install(folder: Path, entries: str) -> None:
    """What installing a package leaves behind for importlib.metadata to find."""
    info = folder / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[steadfast.faults]\n{entries}\n")
