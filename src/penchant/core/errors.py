"""Every error raised on purpose, drawn as a tree: what is wrong, which value, what is allowed.

PenchantError
├── InvalidEventError          an event that cannot be accepted
│   ├── UnknownEventTypeError
│   └── EventTimeError
├── InvalidItemError           an item that cannot be accepted
├── InvalidDataError           a file that cannot be read as events or items
│   └── UnknownColumnError
├── ConfigError                a setting that is not allowed
│   ├── UnknownSettingError
│   └── UnknownComponentError
├── ShapeError                 two arrays that do not fit
├── NotEnoughDataError         training was asked for on too little
├── DivergedError              training whose loss is no number any more
├── ArtifactError              a published model that cannot be used
│   ├── ArtifactMissingError
│   └── ArtifactCorruptError
├── StorageError               the log could not be read or written
│   ├── StorageFullError
│   ├── StorageLockedError
│   └── StorageVersionError
├── UnknownIdError             an id nobody has met
├── InvalidRequestError        a request for a slate that makes no sense
└── NotYetVisibleError         the wait for `after` ran out
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class PenchantError(Exception):
    """Root of every error we raise on purpose."""


class InvalidEventError(PenchantError):
    """An event that cannot be accepted; nothing of it was stored."""


class UnknownEventTypeError(InvalidEventError):
    """An event type without a Signal."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(
            f"no event type is named {name!r}{nearest(name, known)}; "
            f"allowed are {', '.join(known)}; "
            f"add your own under {signal_header(name)} in the config"
        )


class EventTimeError(InvalidEventError):
    """A time that cannot be the time of an event."""


class InvalidItemError(PenchantError):
    """An item that cannot be accepted; nothing of it was stored."""


class InvalidDataError(PenchantError):
    """A file that cannot be read as events or items."""


class UnknownColumnError(InvalidDataError):
    """A column that was asked for, or is needed, and is not in the file."""

    def __init__(
        self, wanted: str, source: str, present: Iterable[str], option: str = "--map FIELD=COLUMN"
    ) -> None:
        present = list(present)
        super().__init__(
            f"{source} has no column {wanted!r}{nearest(wanted, present)}; "
            f"it has {', '.join(present)}; "
            f"name yours with {option}"
        )


class ConfigError(PenchantError):
    """A setting that is not allowed."""


class UnknownSettingError(ConfigError):
    """A key that no setting has."""

    def __init__(self, key: str, known: Iterable[str], source: str) -> None:
        known = sorted(known)
        super().__init__(
            f"{source}: no setting is named {key!r}{nearest(key, known)}; "
            f"allowed here are {', '.join(known)}"
        )


class UnknownComponentError(ConfigError):
    """A config names something that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(
            f"no {kind} is named {name!r}{nearest(name, known)}; choose one of {', '.join(known)}"
        )


class MissingExtraError(PenchantError, ImportError):
    """Something that an optional package does, which is not installed."""

    def __init__(self, extra: str, wanted: str, package: str) -> None:
        super().__init__(
            f"{wanted} needs {package}, which is not installed; "
            f"pip install 'penchant[{extra}]' brings it"
        )


class ShapeError(PenchantError, ValueError):
    """Two arrays that do not fit; the message names both shapes."""


class DivergedError(PenchantError):
    """Training whose loss is no number any more."""

    def __init__(self, stage: str, epoch: int, learning_rate: float) -> None:
        super().__init__(
            f"the loss of {stage} is no finite number in pass {epoch}, at a learning_rate of "
            f"{learning_rate:g}; try a smaller one"
        )


class NotEnoughDataError(PenchantError):
    """Training was asked for on too little."""


class ArtifactError(PenchantError):
    """A published model that cannot be used."""


class ArtifactMissingError(ArtifactError):
    """The artifact that was asked for is not there."""


class ArtifactCorruptError(ArtifactError):
    """A file of an artifact is damaged."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"{path} is damaged: {what}; restore it from a copy, or point `current` beside it at "
            "another artifact, or delete `current` to serve without a trained model, or train again"
        )
        self.path = path


class StorageError(PenchantError):
    """The log could not be read or written."""


class StorageFullError(StorageError):
    """The disk is full; what was not acknowledged was not stored."""


class StorageLockedError(StorageError):
    """Another process writes this file."""


class StorageVersionError(StorageError):
    """The file was written by a newer version, or is not ours."""


class UnknownIdError(PenchantError, LookupError):
    """An id nobody has met."""


class InvalidRequestError(PenchantError):
    """A request for a slate that makes no sense."""


class NotYetVisibleError(PenchantError):
    """The wait for `after` ran out before the event was folded."""

    def __init__(self, cursor: int, waited_s: float) -> None:
        super().__init__(f"events up to {cursor} were not folded within {waited_s:g} s; try again")
        self.retry_after_s = waited_s


def signal_header(name: str) -> str:
    """The table of a config in which an event type is described.

    >>> signal_header("follow"), signal_header("浏览")
    ('[signals.follow]', '[signals."浏览"]')
    """
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f"[signals.{name}]" if plain else f'[signals."{quoted}"]'


def nearest(word: str, known: Iterable[str]) -> str:
    """The phrase that points at the likeliest meant word, or nothing.

    >>> nearest("purchse", ["purchase", "view"])
    " (did you mean 'purchase'?)"
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
