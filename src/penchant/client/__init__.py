"""The HTTP API from Python: `Client` and `AsyncClient`, one description of every call for both."""

from penchant.client import answers
from penchant.client.awaited import AsyncClient
from penchant.client.blocking import Client
from penchant.client.problems import ClientError, ProblemError, UnreachableError
from penchant.client.retries import Retries

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "ProblemError",
    "Retries",
    "UnreachableError",
    "answers",
]
