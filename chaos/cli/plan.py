"""chaos plan: what a run would do, target by target; changes nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from chaos.cli.account_options import MayBill, Profile, RoleArn, account_settings, with_settings


def plan(  # noqa: PLR0913  one parameter is one option
    experiment: Annotated[str, typer.Argument(help="File, or name of a shipped experiment.")],
    environment: Annotated[
        str, typer.Option("--environment", "-e", help="Environment file, or a shipped one.")
    ] = "local",
    seed: Annotated[int | None, typer.Option(help="The seed a run would have.")] = None,
    var: Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable.")] = None,
    effect: Annotated[
        str, typer.Option(metavar="SHARE", help="Also say how long it takes to tell this share, e.g. 95%.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    profile: Profile = "",
    role_arn: RoleArn = "",
    may_bill: MayBill = False,
) -> None:
    """Show which targets a run would hit, when, for how long, who ends each fault if all else dies, and what its
    samples will be able to tell."""
    from chaos.catalog import Catalog
    from chaos.cli.earlier import seen_before
    from chaos.cli.plan_text import plan_text
    from chaos.cli.power_text import effect_lines
    from chaos.cli.suite import variables
    from chaos.conductor import plan_for
    from chaos.judge.power import prospects
    from chaos.shipped import find, find_environment
    from chaos.spec import load_environment, load_experiment
    from chaos.spec.chaostoolkit import is_chaostoolkit

    if is_chaostoolkit(find(experiment)):
        from chaos.cli import chaostoolkit

        chaostoolkit.plan(find(experiment), variables(var or []), as_json)
        return
    share = _share(effect)
    catalog = Catalog()
    given = account_settings(profile, role_arn, may_bill)
    ref = with_settings(load_environment(find_environment(environment), catalog), given)
    loaded = load_experiment(find(experiment), catalog, variables(var or []))
    planned, _ = plan_for(loaded, ref, seed)
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(planned), indent=2).decode())
    else:
        expected = prospects(planned, seen_before(planned))
        print(plan_text(planned, expected))
        for line in effect_lines(planned, expected, share) if share is not None else ():
            print(line)


def _share(text: str) -> float | None:
    from chaos.model.errors import BadInput
    from chaos.spec.units import SHARE

    try:
        share = SHARE.parse(text) if text else None
    except ValueError as error:
        raise BadInput(f"--effect {text!r}: {error}", "write for example --effect 95%") from error
    if share is not None and not 0 <= share <= 1:
        raise BadInput(f"--effect {text!r} is no share of 0% to 100%", "write for example --effect 95%")
    return share
