"""chaos rollback: revert what runs have left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chaos.cli.account_options import Profile, RoleArn, account_settings, with_settings

if TYPE_CHECKING:
    from chaos.journal.runs import RunDirectory
    from chaos.model.residue import CanScan, Residue, Scan, Unseen
    from chaos.model.system import JSON


def rollback(
    run: Annotated[
        str | None, typer.Argument(help="Run (a prefix, or 'last'); all runs with open faults without it.")
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Look for what runs have left on the system itself; needs no journal.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With --scan: also what has not expired yet, of runs under way too.")
    ] = False,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", metavar="FILE", help="With --scan: the environment to look at.")
    ] = None,
    profile: Profile = "",
    role_arn: RoleArn = "",
) -> None:
    """Revert every fault that a run has injected and not seen gone, from its journal alone. Safe to repeat.

    With --scan it needs no journal: what is expired on the objects of the environment is taken off.
    Exit code: 0 nothing is left, 3 a scan could not look everywhere, 4 a run is still under way, 6 something is still
    broken.
    """
    from chaos.model.errors import BadInput, ExitCode

    given = account_settings(profile, role_arn)
    if scan:
        raise typer.Exit(_scanned(environment, everything, given))
    if everything or environment:
        raise BadInput("--all and --environment belong to --scan", "add --scan")
    raise typer.Exit(ExitCode.STILL_BROKEN if _rolled_back(run, given) else ExitCode.HELD)


def _scanned(environment: str | None, everything: bool, given: dict[str, JSON]) -> int:
    """The exit code, over all parts of the environment."""
    from chaos.catalog import Catalog
    from chaos.model.environment import parts_of
    from chaos.model.errors import BadInput, ExitCode
    from chaos.model.residue import CanScan
    from chaos.shipped import find_environment
    from chaos.spec import load_environment

    if environment is None:
        raise BadInput("--scan needs an environment to look at", "add --environment FILE")
    catalog = Catalog()
    ref = with_settings(load_environment(find_environment(environment), catalog), given)
    there = [part for part in parts_of(catalog.open_environment(ref)) if isinstance(part, CanScan)]
    if not there:
        hint = "its runs have journals: leave --scan out"
        raise BadInput(f"{environment} bears no records that could be found", hint)
    if len(there) == 1:
        return _cleared(there[0], everything)
    codes = [_part_cleared(part.ref.name, part, everything) for part in there]
    return next(code for code in (ExitCode.STILL_BROKEN, ExitCode.INCONCLUSIVE, ExitCode.HELD) if code in codes)


def _part_cleared(name: str, part: CanScan, everything: bool) -> int:
    """One part that cannot be looked at does not keep us from the others."""
    from chaos.model.errors import ChaosError, ExitCode

    try:
        return _cleared(part, everything)
    except ChaosError as error:
        print(f"NOT LOOKED AT {name}: {error}")
        return ExitCode.INCONCLUSIVE


def _cleared(opened: CanScan, everything: bool) -> int:
    import time

    from chaos.model.errors import ChaosError, ExitCode

    now = time.time()
    first = _scan(opened)
    due = [each for each in first.found if everything or each.until <= now]
    for residue in due:
        try:
            opened.clear_residue(residue)
        except ChaosError as error:
            print(f"{residue.holder}: {residue.what} of {residue.target}: {error.message}")
    then = _scan(opened) if due else first
    left = [each for each in then.found if any(_same(each, other) for other in due)]
    gone = "reverted" if set(then.unseen) <= set(first.unseen) else "not found any more, but not all was looked at"
    for residue in due:
        state = "STILL BROKEN" if any(_same(residue, other) for other in left) else gone
        print(f"{residue.holder}: {state}: {residue.what} of {residue.target}")
    print(f"{len(due)} found that should be gone, {len(then.found) - len(left)} that may stay until they expire")
    _say_what_was_not_seen(then.unseen)
    if left:
        return ExitCode.STILL_BROKEN
    return ExitCode.INCONCLUSIVE if then.unseen else ExitCode.HELD


def _scan(opened: CanScan) -> Scan:
    """What bears a record, and what is found inside instances; without the right to look there that ends by itself."""
    from chaos.model.errors import ChaosError
    from chaos.model.residue import CanScanInPart, CanScanInside, Scan

    if isinstance(opened, CanScanInPart):
        return opened.scan()
    found = list(opened.residues())
    if isinstance(opened, CanScanInside):
        try:
            found += opened.residues_inside()
        except ChaosError as error:
            print(f"not looked into instances: {error.message}; what is there ends with its lease")
    return Scan(found=tuple(found))


def _say_what_was_not_seen(unseen: tuple[Unseen, ...]) -> None:
    """Places that one missing right hides are named together."""
    import itertools

    for (why, hint), places in itertools.groupby(sorted(unseen, key=_why), key=_why):
        print(f"NOT LOOKED AT {', '.join(each.where for each in places)}: {why}")
        if hint:
            print(f"  {hint}")
    if unseen:
        print("something may be left there: look again once that is put right")


def _why(unseen: Unseen) -> tuple[str, str]:
    return unseen.why, unseen.hint


def _same(one: Residue, other: Residue) -> bool:
    return (one.target, one.holder) == (other.target, other.holder)


def _rolled_back(run: str | None, given: dict[str, JSON]) -> bool:
    """Whether something is left broken."""
    from chaos.chaostoolkit.conduct import is_of_chaostoolkit
    from chaos.engine.reopen import reopen
    from chaos.engine.run_process import is_alive
    from chaos.journal.runs import find, with_open_injections
    from chaos.model.errors import Refused

    directories = [find(run)] if run else [directory for directory, _ in with_open_injections()]
    left = False
    for directory in directories:
        if is_alive(directory.journal):
            raise Refused(f"run {directory.run} is still under way", "end it with `chaos abort`: it reverts by itself")
        if is_of_chaostoolkit(directory.journal):
            left = _method_rolled_back(directory) or left
            continue
        reopened = reopen(directory.journal, "rollback", lambda ref: with_settings(ref, given))
        found = reopened.open_injections()
        broken = reopened.revert_all()
        left = left or bool(broken)
        if not broken:
            reopened.free()
        for injection in found:
            state = "STILL BROKEN" if injection in broken else "reverted"
            print(f"{directory.run}: {state}: {injection.fault.kind} on {injection.target}")
        if not found:
            print(f"{directory.run}: nothing is open")
    if not directories:
        print("no run has anything open")
    return (not run and _left_weakened()) or left


def _left_weakened() -> bool:
    """Give back the protections of platforms whose weakened runs were killed; whether one is still weakened."""
    from chaos.model.home import steadfast_home

    folder = steadfast_home() / "weakened"
    if not folder.is_dir():
        return False
    from chaos.environments.kubernetes.weakening import give_back_all

    return give_back_all(folder, print)


def _method_rolled_back(directory: RunDirectory) -> bool:
    """The rollbacks of a Chaos Toolkit experiment called again; whether something is left broken."""
    from chaos.chaostoolkit.conduct import roll_back_again

    was_open, broken = roll_back_again(directory)
    said = "nothing is open" if not was_open else "PERHAPS STILL BROKEN" if broken else "rollbacks came back"
    print(f"{directory.run}: {said}")
    return broken
