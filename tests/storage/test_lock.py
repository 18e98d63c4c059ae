import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penchant.core.errors import StorageError, StorageLockedError
from penchant.storage import open_database

HOLD = """
import sys, time
from pathlib import Path
from penchant.storage import open_database
database = open_database(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""
FORK = """
import os, sys, time
from pathlib import Path
from penchant.storage import open_database
database = open_database(Path(sys.argv[1]))
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
else:
    time.sleep(60)
"""


def started(code: str, path: Path) -> tuple[subprocess.Popen, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def killed(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_second_opener_is_told_who_was_first(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with open_database(path):
        with pytest.raises(StorageLockedError, match=f"in use by process {os.getpid()};"):
            open_database(path)
        assert (tmp_path / "log.db.lock").read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / "log.db.lock").exists()
    open_database(path).close()


def test_another_spelling_of_the_path_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with open_database(path):
        (tmp_path / "link.db").symlink_to(path)
        with pytest.raises(StorageLockedError):
            open_database(tmp_path / "link.db")


@pytest.mark.slow
def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    process, line = started(HOLD, path)
    try:
        assert line == "open"
        with pytest.raises(StorageLockedError, match=re.escape(f"process {process.pid};")):
            open_database(path)
    finally:
        killed(process)
    assert (tmp_path / "log.db.lock").exists()  # kill -9 leaves the file, not the lock
    open_database(path).close()


@pytest.mark.slow
def test_a_forked_child_does_not_keep_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    process, child = started(FORK, path)
    try:
        killed(process)
        open_database(path).close()
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.db.lock").mkdir()
    with pytest.raises(StorageError, match=r"log\.db\.lock cannot be created"):
        open_database(tmp_path / "log.db")
