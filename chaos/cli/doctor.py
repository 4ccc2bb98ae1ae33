"""chaos doctor: is everything here that a run needs?"""

from __future__ import annotations

import typer


def doctor() -> None:
    """Check this machine and say, for everything missing, what to do. Exit code: 0 all well, 3 something is missing."""
    from chaos.checkup import checks
    from chaos.model.errors import ExitCode

    well = True
    for check in checks():
        well = well and check.ok
        print(f"{'ok     ' if check.ok else 'MISSING'}  {check.what}: {check.found}")
        if not check.ok:
            print(f"         {check.remedy}")
    raise typer.Exit(ExitCode.HELD if well else ExitCode.INCONCLUSIVE)
