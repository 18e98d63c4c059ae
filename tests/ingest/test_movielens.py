"""Every edition of MovieLens is read as GroupLens packs it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from penchant.core.errors import InvalidDataError, InvalidItemError
from penchant.ingest.datasets import open_dataset

DATA = Path(os.environ.get("PENCHANT_DATA", Path(__file__).parents[3] / "shared" / "data"))
RAW = DATA / "ml-100k" / "raw" / "ml-100k.tar.zst"


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (folder / name).write_bytes(text.encode(encoding))


@pytest.mark.skipif(not RAW.is_file(), reason="MovieLens 100k may not be shipped; no copy here")
@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is needed to unpack the archive")
def test_100k_as_published_is_complete(tmp_path: Path) -> None:
    subprocess.run(["tar", "--zstd", "-xf", RAW, "-C", tmp_path], check=True)
    (ratings,) = tmp_path.rglob("u.data")
    dataset = open_dataset(ratings.parent)
    titles = {item.id: item for item in dataset.items}
    assert dataset.counts["events"] == 100_000
    assert (len(dataset.columns.users), len(dataset.items)) == (943, 1682)
    assert titles["50"].title == "Star Wars (1977)"
    assert titles["50"].categories == ("Action", "Adventure", "Romance", "Sci-Fi", "War")
    assert titles["1175"].title == "Hugo Pool (1997)"
    assert "Misérables, Les (1995)" in {item.title for item in dataset.items}
    assert dataset.users["1"] == {
        "age": "24",
        "gender": "M",
        "occupation": "technician",
        "zip": "85711",
    }
    assert dataset.columns.time_s.min() == 874_724_710


def test_a_broken_film_is_counted_and_a_mapping_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,2,4.0,9\n")
    write(tmp_path, "movies.csv", "movieId,title,genres\n2,Up,Anim,ation\n3,Heat,Crime\n")
    dataset = open_dataset(tmp_path)
    assert dataset.counts["rejected_items"] == 1
    assert [(Path(file).name, lines[0].line) for file, lines in dataset.rejected_items.items()] == [
        ("movies.csv", 2)
    ]
    with pytest.raises(InvalidDataError, match=r"is a MovieLens folder.* its ratings\.csv alone"):
        open_dataset(tmp_path, mapping={"time": "watched"})


def test_a_small_100k_keeps_titles_in_latin_1(tmp_path: Path) -> None:
    write(tmp_path, "u.data", "196\t242\t3\t881250949\n186\t242\t4\t881250000\n")
    flags = "|".join("1" if n in (5, 8) else "0" for n in range(19))
    line = f"242|Kolya é\x85 (1996)|24-Jan-1997||http://x|{flags}\n"
    write(tmp_path, "u.item", line, "latin-1")
    dataset = open_dataset(tmp_path)
    assert [event.user for event in next(dataset.events())] == ["186", "196"]
    assert dataset.items[0].title == "Kolya é\x85 (1996)"
    assert dataset.items[0].categories == ("Comedy", "Drama")
    assert dataset.items[0].attributes == {"release_date": "24-Jan-1997", "imdb_url": "http://x"}


def test_1m_has_films_and_people_between_double_colons(tmp_path: Path) -> None:
    write(tmp_path, "ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n2::1::4::5\n")
    write(
        tmp_path, "movies.dat", "1::Toy: Story (1995)::Animation|Comedy\n661::é::Drama\n", "latin-1"
    )
    write(tmp_path, "users.dat", "1::F::1::10::48067\n")
    dataset = open_dataset(tmp_path)
    assert [item.id for item in dataset.items] == ["1", "661", "1193"]
    assert dataset.items[0].categories == ("Animation", "Comedy")
    assert dataset.items[1].title == "é"
    assert dataset.users == {"1": {"gender": "F", "age": "1", "occupation": "10", "zip": "48067"}}
    assert dataset.columns.value.tolist() == [4.0, 5.0, 3.0]
    assert dataset.columns.row.tolist() == [0, 2, 1]


def test_10m_has_half_stars_utf_8_and_no_people(tmp_path: Path) -> None:
    write(tmp_path, "ratings.dat", "1::122::4.5::838985046\n")
    write(tmp_path, "movies.dat", "122::Misérables :: Les (1995)::(no genres listed)\n")
    dataset = open_dataset(tmp_path)
    assert next(dataset.events())[0].value == 4.5
    assert dataset.items[0].title == "Misérables :: Les (1995)"
    assert dataset.items[0].categories == ()
    assert dataset.users == {}


def test_latest_and_20m_to_32m_are_csv_with_quotes(tmp_path: Path) -> None:
    write(tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,11,4.0,964982703\n")
    movies = 'movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n'
    write(tmp_path, "movies.csv", movies + "12,X,(no genres listed)\n")
    write(tmp_path, "tags.csv", "userId,movieId,tag,timestamp\n")
    dataset = open_dataset(tmp_path)
    (event,) = next(dataset.events())
    assert (event.user, event.item, event.type, event.value) == ("1", "11", "rating", 4.0)
    assert dataset.items[0].title == "American President, The (1995)"
    assert [item.categories for item in dataset.items] == [("Comedy", "Drama"), ()]


def test_a_broken_line_of_films_or_people_is_named(tmp_path: Path) -> None:
    write(tmp_path, "ratings.dat", "1::122::4.5::838985046\n")
    write(tmp_path, "movies.dat", "122::A::B\nnonsense\n")
    with pytest.raises(InvalidItemError, match=r"movies.dat, line 2 is 'nonsense'"):
        open_dataset(tmp_path)
    write(tmp_path, "movies.dat", "122::A::B\n")
    write(tmp_path, "users.dat", "1::F\n")
    with pytest.raises(InvalidDataError, match=r"users.dat, line 1 is '1::F'"):
        open_dataset(tmp_path)
