"""MovieLens folders as GroupLens packs them: 100k, 1M, 10M, and latest, 20M, 25M, 32M."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penchant.core.errors import InvalidDataError, InvalidItemError
from penchant.core.events import ContextValue
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.ingest.rejects import Rejected
from penchant.ingest.sources import Batch, Layout, Progress, read_items, read_tables

_RATING: Final = ("user", "item", "rating", "timestamp")
GENRES_100K: Final = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""The flags of u.item, in the order of u.genre."""
NO_GENRES: Final = "(no genres listed)"

Users = Mapping[UserId, Mapping[str, ContextValue]]


@dataclass(frozen=True)
class Edition:
    """Where one edition keeps what."""

    ratings: str
    layout: Layout | None
    """None: a CSV with a header."""
    movies: str
    users: str | None
    user_names: tuple[str, ...] = ()


_DOUBLE_COLON: Final = Layout("::", _RATING)
EDITIONS: Final = (
    Edition(
        "u.data",
        Layout("\t", _RATING),
        "u.item",
        "u.user",
        ("id", "age", "gender", "occupation", "zip"),
    ),
    Edition(
        "ratings.dat",
        _DOUBLE_COLON,
        "movies.dat",
        "users.dat",  # absent from 10M
        ("id", "gender", "age", "occupation", "zip"),
    ),
    Edition("ratings.csv", None, "movies.csv", None),
)


def edition_of(folder: Path) -> Edition | None:
    """Which edition lies in `folder`; None: no MovieLens."""
    return next(
        (
            edition
            for edition in EDITIONS
            if (folder / edition.ratings).is_file() and (folder / edition.movies).is_file()
        ),
        None,
    )


def read_ratings(
    folder: Path,
    edition: Edition,
    order: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """The ratings, in the order of the file."""
    return read_tables(
        folder / edition.ratings,
        layout=edition.layout,
        order=order,
        default_type="rating",
        progress=progress,
    )


def read_movies(folder: Path, edition: Edition) -> tuple[list[Item], list[Rejected]]:
    """The films with their genres, and lines that are none."""
    path = folder / edition.movies
    if edition.layout is None:
        batches = list(read_items(path))
        items = [_without_placeholder(item) for batch in batches for item in batch.items]
        return items, [line for batch in batches for line in batch.rejected]
    parse = _film_100k if edition.movies == "u.item" else _film_double_colon
    return [parse(line, f"{path.name}, line {n}") for n, line in _lines(path)], []


def read_users(folder: Path, edition: Edition) -> Users:
    """What is known of each user: age, gender, occupation, zip code."""
    path = folder / (edition.users or "")
    if edition.users is None or not path.is_file():
        return {}
    delimiter = "|" if edition.users == "u.user" else "::"
    users: dict[UserId, Mapping[str, ContextValue]] = {}
    for n, line in _lines(path):
        fields = line.split(delimiter)
        if len(fields) != len(edition.user_names):
            raise InvalidDataError(_broken(f"{path.name}, line {n}", line, edition.user_names))
        users[UserId(fields[0])] = dict(zip(edition.user_names[1:], fields[1:], strict=True))
    return users


def _film_100k(line: str, where: str) -> Item:
    """id | title | release | video release | IMDb address | 19 flags."""
    fields = line.split("|")
    if len(fields) != 5 + len(GENRES_100K):
        raise InvalidItemError(_broken(where, line, ("24 fields divided by |",)))
    flagged = zip(GENRES_100K, fields[5:], strict=True)
    facts = {"release_date": fields[2], "imdb_url": fields[4]}
    return Item(
        id=ItemId(fields[0]),
        title=fields[1] or None,
        categories=tuple(name for name, flag in flagged if flag == "1" and name != "unknown"),
        attributes={name: fact for name, fact in facts.items() if fact},
    )


def _film_double_colon(line: str, where: str) -> Item:
    """id :: title :: genres divided by |."""
    fields = line.split("::")
    if len(fields) < 3:
        raise InvalidItemError(_broken(where, line, ("id::title::genres",)))
    number, title, genres = fields[0], "::".join(fields[1:-1]), fields[-1].split("|")
    names = tuple(name for name in genres if name and name != NO_GENRES)
    return Item(id=ItemId(number), title=title or None, categories=names)


def _without_placeholder(item: Item) -> Item:
    """The film without the words that stand for no genre."""
    if item.categories != (NO_GENRES,):
        return item
    return Item(id=item.id, title=item.title, attributes=item.attributes)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines; the older editions are Latin-1, 10M is UTF-8."""
    raw = path.read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    # not splitlines(): Latin-1 titles may hold \x85, which it takes for a line's end
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return ((n, line) for n, line in enumerate(lines, 1) if line)


def _broken(where: str, line: str, allowed: tuple[str, ...]) -> str:
    """The sentence for a line that is none of MovieLens."""
    return f"{where} is {line[:80]!r}; allowed is {', '.join(allowed)}"
