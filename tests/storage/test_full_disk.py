import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penchant.core.errors import StorageFullError
from penchant.core.events import Event
from penchant.core.ids import EventId, UserId
from penchant.storage import open_database


@pytest.fixture
def small_disk(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and sys.platform == "linux"
    if mounted:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)],
            capture_output=True,
            check=False,
        )
        mounted = done.returncode == 0
    if not mounted:
        pytest.skip("a small tmpfs can be mounted by root only")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def batch(number: int) -> list[Event]:
    return [
        Event(UserId("ann"), "view", float(number), id=EventId(f"{number}-{n}"), words="x" * 900)
        for n in range(20)
    ]


def fill(database) -> tuple[int, StorageFullError]:
    """Append until the disk is full; how many batches were acknowledged, and the error."""
    for number in range(1_000):
        try:
            database.log.append(batch(number))
        except StorageFullError as error:
            return number, error
    raise AssertionError("the disk never filled")


def test_on_a_really_full_disk_every_acknowledged_event_is_kept(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(400_000))
    path = small_disk / "log.db"
    with open_database(path) as database:
        full_at, error = fill(database)
        assert full_at > 5
        assert str(path) in str(error)
        assert "free some space" in str(error)
        with pytest.raises(StorageFullError):
            database.log.append(batch(full_at))
        assert len(list(database.log.scan())) == 20 * full_at
        ballast.unlink()
        assert database.log.append(batch(full_at)).new == [True] * 20
        assert len(database.log.history(UserId("ann"))[1]) == 20 * (full_at + 1)
    with open_database(path) as database:
        assert database.log.totals().events == 20 * (full_at + 1)


def test_a_database_is_not_made_on_a_full_disk(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4_096))
    os.truncate(ballast, ballast.stat().st_size - 8_192)
    with pytest.raises(StorageFullError):
        open_database(small_disk / "log.db")
    ballast.unlink()
    with open_database(small_disk / "log.db") as database:
        assert database.log.append(batch(0)).new == [True] * 20


@pytest.mark.slow
def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    code = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from penchant.storage import open_database
from test_full_disk import batch, fill
with open_database(Path({str(tmp_path / "log.db")!r})) as database:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    full_at, error = fill(database)
    assert full_at > 5, full_at
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert database.log.append(batch(full_at)).new == [True] * 20
    print(len(list(database.log.scan())) == 20 * (full_at + 1), error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("True ")
    assert "cannot grow" in done.stdout
