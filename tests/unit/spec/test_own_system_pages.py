"""The environment files that the pages show can be read as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.catalog import Catalog
from chaos.environments.local.settings import Process, Settings
from chaos.spec.environment import read_environment
from chaos.spec.units import spelling

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = ("tutorials/your-own-system.md", "tutorials/02-timeouts-and-retries.md", "how-to/monkey.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_environment_on_a_page_can_be_read(page: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    environments = [block for block in blocks if "kind: Environment" in block]
    assert environments
    for block in environments:
        read_environment(block, page, Catalog())


def test_the_page_knows_every_key_of_a_process() -> None:
    page = (DOCS / "tutorials/your-own-system.md").read_text()
    keys = {spelling(name)[0] for name in Process.__struct_fields__}
    assert {key for key in keys if f"| `{key}` |" not in page} == set()
    assert all(f"`{spelling(name)[0]}" in page for name in Settings.__struct_fields__ if name != "state")
