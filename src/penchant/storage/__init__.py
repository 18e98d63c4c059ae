"""The log, the catalogue, the states and the published models, on disk."""

from penchant.storage.artifacts import ArtifactStore
from penchant.storage.catalogue import SqlCatalogue
from penchant.storage.database import Database, open_database
from penchant.storage.log import SqlEventLog, Totals, UserCount
from penchant.storage.states import MemoryStates, SqlStates
from penchant.storage.write_behind import WriteBehindStates

__all__ = [
    "ArtifactStore",
    "Database",
    "MemoryStates",
    "SqlCatalogue",
    "SqlEventLog",
    "SqlStates",
    "Totals",
    "UserCount",
    "WriteBehindStates",
    "open_database",
]
