"""Keys of a cluster are in files while a process needs them, and are not left to whoever comes later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

WRITES_A_KEY = """
import sys
from pathlib import Path
from chaos.environments.kubernetes.key_files import key_folder
(Path(key_folder()) / "key").write_text("secret")
print(key_folder(), flush=True)
sys.stdin.read()
"""


def writer(home: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES_A_KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "STEADFAST_HOME": str(home)},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_the_keys_of_a_killed_process_are_removed_by_the_next_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    with writer(tmp_path)[0] as killed, writer(tmp_path)[0] as living:
        folders = tmp_path / "keys"
        assert {path.name for path in folders.iterdir()} == {str(killed.pid), str(living.pid)}
        assert {path.stat().st_mode & 0o077 for path in (folders, *folders.iterdir())} == {0}
        killed.send_signal(signal.SIGKILL)
        killed.wait(60)
        with writer(tmp_path)[0] as later:
            assert {path.name for path in folders.iterdir()} == {str(living.pid), str(later.pid)}
    assert list(folders.iterdir()) == [], "who ends in good order removes them"


ASKED_BY_MANY = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from chaos.environments.kubernetes.key_files import key_folder
together = Barrier(8)
with ThreadPoolExecutor(8) as pool:
    folders = list(pool.map(lambda _: (together.wait(), key_folder())[1], range(8)))
print(len(set(folders)))
"""


def test_several_clusters_that_are_connected_to_at_once_share_one_folder(tmp_path: Path) -> None:
    """Each of them would else take the folder for another one's, and try again for ever."""
    variables = {**os.environ, "STEADFAST_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ASKED_BY_MANY], capture_output=True, text=True, timeout=60, check=True, env=variables
    )
    assert done.stdout.strip() == "1"
