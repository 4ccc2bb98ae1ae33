"""What AWS bills for, and is therefore refused unless the environment file or an option allows it. Data, and a reader.

https://aws.amazon.com/fis/pricing/, https://aws.amazon.com/ec2/pricing/
"""

from __future__ import annotations

from chaos.environments.aws.settings import Settings
from chaos.model.aws import CanAddMachines
from chaos.model.aws_acts import CanRefresh
from chaos.model.fis import CanRunTemplates

BILLS: dict[type, str] = {
    CanAddMachines: "more machines are billed as long as they are there",
    CanRefresh: "an instance refresh starts a new machine for each of a group, and AWS bills old and new",
    CanRunTemplates: "AWS bills every action of a FIS experiment by the minute, and whatever the template starts",
}
"""A new capability that adds machines, or is billed itself, adds its line here: what is billed."""


def refusal(settings: Settings, capability: type) -> str:
    """Why it may not be done; empty when it costs nothing, or may cost something."""
    if settings.may_bill or capability not in BILLS:
        return ""
    return f"{BILLS[capability]}; allow that by `mayBill: true` in the environment file, or by --may-bill"
