"""Published models on disk: folders that are whole or absent, and a pointer to the one in use."""

import builtins
import errno
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from penchant.core.errors import (
    ArtifactCorruptError,
    ArtifactError,
    ArtifactMissingError,
    StorageFullError,
)
from penchant.core.ids import ArtifactId

CHECKSUMS: Final = "checksums.json"
CURRENT: Final = "current"
_ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
_MOMENT: Final = "%Y%m%dT%H%M%SZ"
_ALLOWED: Final = frozenset({".json", ".safetensors"})
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


class ArtifactStore:
    """`<folder>/<utc>-<hash>/`, where the hash is that of the checksums of every file in it."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self._publishing = threading.Lock()
        self._unused: set[ArtifactId] = set()
        """Placed here, and neither in use nor discarded yet: somebody is about to."""

    def publish(self, write: Callable[[Path], None], now_s: float) -> ArtifactId:
        """Let `write` fill an empty folder, make it durable, and point `current` at it."""
        artifact = self.place(write, now_s)
        with self._publishing, _no_space(self.folder):
            self._point_at(artifact)
        return artifact

    def place(self, write: Callable[[Path], None], now_s: float) -> ArtifactId:
        """The same without pointing `current` at it."""
        with self._publishing, _no_space(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.folder))
            try:
                write(draft)
                artifact = self._place(draft, now_s)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            self._unused.add(artifact)
            return artifact

    def current(self) -> ArtifactId | None:
        """The artifact in use, or None before the first."""
        pointer = self.folder / CURRENT
        try:
            text = pointer.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None
        if not _ID.fullmatch(text):
            raise ArtifactCorruptError(pointer, f"it reads {text[:40]!r}, which names no artifact")
        return ArtifactId(text)

    def use(self, artifact: ArtifactId) -> None:
        """Point `current` at an artifact that is whole."""
        with self._publishing, _no_space(self.folder):
            self.open(artifact)  # nor is it deleted before it is in use
            self._point_at(artifact)

    def open(self, artifact: ArtifactId) -> Path:
        """The artifact's folder, after every file in it was found as it was published."""
        folder = self._existing(artifact)
        sums = folder / CHECKSUMS
        try:
            data = sums.read_bytes()
            expected = msgspec.json.decode(data, type=dict[str, str])
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise ArtifactCorruptError(sums, "it cannot be read as checksums") from error
        if _hash(data) != artifact.rpartition("-")[2]:
            raise ArtifactCorruptError(sums, "it is not the one that the folder is named after")
        for name, digest in expected.items():
            _verify(folder / name, digest)
        return folder

    def list(self) -> Sequence[ArtifactId]:
        """Every artifact, oldest first."""
        if not self.folder.is_dir():
            return []
        there = [path for path in self.folder.iterdir() if _ID.fullmatch(path.name)]
        return [ArtifactId(path.name) for path in sorted(there, key=_published)]

    def prune(self, keep: int) -> Sequence[ArtifactId]:
        """Delete all but the newest `keep` and the one in use; those deleted."""
        with self._publishing:
            present = self.list()
            kept = {*present[max(0, len(present) - keep) :], self.current(), *self._unused}
            gone = [artifact for artifact in present if artifact not in kept]
            for artifact in gone:
                self._delete(artifact)
        return gone

    def discard(self, artifact: ArtifactId) -> None:
        """Delete one that is not in use."""
        with self._publishing:
            self._unused.discard(artifact)
            if artifact != self.current():
                self._delete(artifact)

    def _delete(self, artifact: ArtifactId) -> None:
        # renamed first: a reader finds the artifact whole or not at all
        shutil.rmtree((self.folder / artifact).rename(self.folder / f".draft-{artifact}"))

    def _place(self, draft: Path, now_s: float) -> ArtifactId:
        """Checksum and sync the draft, and give it its name."""
        data = msgspec.json.format(msgspec.json.encode(_checksums(draft)), indent=2)
        (draft / CHECKSUMS).write_bytes(data)
        for path in (*draft.rglob("*"), draft):
            _sync(path)
        artifact = ArtifactId(f"{self._moment(now_s)}-{_hash(data)}")
        target = self.folder / artifact
        if not target.exists():  # the same content in the same second is the same artifact
            draft.chmod(0o755)
            draft.rename(target)
            _sync(self.folder)
        return artifact

    def _moment(self, now_s: float) -> str:
        """Now; the second after the newest where the clock was set back: later sorts later."""
        now = datetime.fromtimestamp(now_s, UTC)
        made = self.list()
        if made:
            newest = datetime.strptime(made[-1].partition("-")[0], _MOMENT).replace(tzinfo=UTC)
            if now < newest:
                now = newest + timedelta(seconds=1)
        return now.strftime(_MOMENT)

    def _point_at(self, artifact: ArtifactId) -> None:
        draft = self.folder / f".draft-{CURRENT}"
        draft.write_text(f"{artifact}\n", encoding="utf-8")
        _sync(draft)
        draft.replace(self.folder / CURRENT)
        _sync(self.folder)
        self._unused.discard(artifact)

    def _existing(self, artifact: ArtifactId) -> Path:
        folder = self.folder / artifact
        if not _ID.fullmatch(artifact) or not folder.is_dir():
            present = ", ".join(self.list()) or "none"
            raise ArtifactMissingError(
                f"{self.folder} has no artifact {artifact!r}; present: {present}; choose one of "
                f"those, or delete `{CURRENT}` there to serve without a trained model"
            )
        return folder

    def _sweep(self) -> None:
        """Remove what a killed process left half-written."""
        for path in builtins.list(self.folder.glob(".draft-*")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _published(folder: Path) -> tuple[str, int, str]:
    """When: the second, by the name, and inside it by the file that was written last."""
    try:
        written_ns = (folder / CHECKSUMS).stat().st_mtime_ns
    except OSError:  # it is being deleted
        written_ns = 0
    return folder.name.partition("-")[0], written_ns, folder.name


def _checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by file name; only data may be published."""
    sums: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        if path.is_symlink() or path.suffix not in _ALLOWED:
            raise ArtifactError(
                f"{path.name} cannot be published; an artifact holds only "
                f"{' and '.join(sorted(_ALLOWED))} files"
            )
        sums[path.relative_to(folder).as_posix()] = _digest(path)
    return sums


def _verify(path: Path, expected: str) -> None:
    try:
        found = _digest(path)
    except FileNotFoundError:
        raise ArtifactCorruptError(path, "it is missing") from None
    if found != expected:
        raise ArtifactCorruptError(path, f"its SHA-256 is {found[:12]}..., not {expected[:12]}...")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash(data: bytes) -> str:
    """What the folder's name carries of its checksums."""
    return hashlib.sha256(data).hexdigest()[:12]


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _no_space(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise StorageFullError(
            f"{folder} cannot grow: {error.strerror}; nothing was published; "
            "free some space there (`penchant prune` deletes old artifacts) and try again"
        ) from error
