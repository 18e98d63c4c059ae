from pathlib import Path

import pytest

from penchant.core.errors import ArtifactCorruptError, ArtifactError, ArtifactMissingError
from penchant.core.ids import ArtifactId
from penchant.storage import ArtifactStore

NOON_S = 1_767_268_800.0  # 2026-01-01 12:00 UTC


def filled(weights: bytes = b"weights"):
    def write(folder: Path) -> None:
        (folder / "card.json").write_text('{"model": "gru"}')
        (folder / "gru").mkdir()
        (folder / "gru" / "weights.safetensors").write_bytes(weights)

    return write


def test_what_is_published_is_in_use_and_reads_back(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "log.db.artifacts")
    assert (store.current(), store.list(), store.prune(0)) == (None, [], [])
    artifact = store.publish(filled(), NOON_S)
    assert artifact.startswith("20260101T120000Z-")
    assert store.current() == artifact
    assert (store.open(artifact) / "gru/weights.safetensors").read_bytes() == b"weights"
    assert store.publish(filled(), NOON_S) == artifact
    assert store.list() == [artifact]


def test_one_can_go_back_and_only_to_what_is_there(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    old, new = (store.publish(filled(bytes([n])), NOON_S + n) for n in range(2))
    assert store.current() == new
    store.use(old)
    assert ArtifactStore(tmp_path).current() == old
    for name in ("20300101T000000Z-0123456789ab", "../elsewhere", ""):
        with pytest.raises(ArtifactMissingError, match=f"present: {old}, {new}"):
            store.use(ArtifactId(name))
    assert store.current() == old


def test_pruning_keeps_the_newest_and_the_one_in_use(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    made = [store.publish(filled(bytes([n])), NOON_S + n) for n in range(4)]
    store.use(made[0])
    assert store.prune(keep=1) == made[1:3]
    assert store.list() == [made[0], made[3]]
    assert store.prune(keep=0) == [made[3]]


def test_one_that_is_being_deleted_is_still_listed(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    made = [store.publish(filled(bytes([n])), NOON_S + n) for n in range(2)]
    (tmp_path / made[0] / "checksums.json").unlink()
    assert store.list() == made


@pytest.mark.parametrize("name", ["card.json", "gru/weights.safetensors", "checksums.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
def test_damage_anywhere_is_found_and_its_file_named(
    tmp_path: Path, name: str, damage: str
) -> None:
    store = ArtifactStore(tmp_path)
    artifact = store.publish(filled(), NOON_S)
    path = tmp_path / artifact / name
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-1])
    else:
        path.unlink()
    with pytest.raises(ArtifactCorruptError, match="train again") as caught:
        store.open(artifact)
    assert caught.value.path == path


def test_a_pointer_that_names_nothing_is_damage(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    (tmp_path / "current").write_bytes(b"\xff\x00 garbage")
    with pytest.raises(ArtifactCorruptError, match="names no artifact"):
        store.current()


def test_only_data_may_be_published(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with pytest.raises(ArtifactError, match=r"model\.pkl cannot be published"):
        store.publish(lambda folder: (folder / "model.pkl").touch(), NOON_S)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_or_killed_publication_leaves_no_trace(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    good = store.publish(filled(), NOON_S)

    def fail(folder: Path) -> None:
        filled(b"half")(folder)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        store.publish(fail, NOON_S + 1)
    (tmp_path / ".draft-killed").mkdir()
    (tmp_path / ".draft-killed" / "card.json").touch()
    (tmp_path / ".draft-current").touch()
    assert (store.current(), store.list()) == (good, [good])
    newer = store.publish(filled(b"whole"), NOON_S + 2)
    assert {path.name for path in tmp_path.iterdir()} == {"current", good, newer}


def test_the_newest_is_the_last_made_though_the_clock_was_set_back(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    made = [store.publish(filled(bytes([n])), NOON_S - 3_600 * n) for n in range(4)]
    assert store.list() == made
    assert store.prune(keep=2) == made[:2]
    assert store.current() == made[3]


def test_one_that_somebody_is_about_to_use_is_not_pruned(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    old = store.publish(filled(b"old"), NOON_S)
    fresh = store.place(filled(b"fresh"), NOON_S - 1)
    assert store.prune(keep=0) == []
    store.use(fresh)
    assert store.prune(keep=0) == [old]
