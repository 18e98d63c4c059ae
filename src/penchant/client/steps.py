"""Steps: what a call does, one after another, without saying how; blocking and async do the same.

A plan is a generator that yields steps and is sent what came of each. It returns the answer, or
emits many with `Emit`. Nothing here opens a connection or sleeps: `client` does what steps say.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from typing import (
    Any,
    Concatenate,
    Generic,
    NamedTuple,
    ParamSpec,
    Self,
    TypeVar,
    get_args,
    overload,
)

P = ParamSpec("P")
T = TypeVar("T")


class Request(NamedTuple):
    """What goes over the wire."""

    method: str
    path: str
    """With its query; what had to be is percent-encoded."""
    body: bytes | None = None
    slow: bool = False
    """Whether the answer may take its time."""


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes
    """Empty where the body is a stream that is still to be read."""


class Lost(NamedTuple):
    """Nothing came back."""

    why: str
    sent: bool
    """Whether the server may have got the request."""


class Send(NamedTuple):
    """Send and read the answer: gives `Reply` or `Lost`."""

    request: Request


class Open(NamedTuple):
    """Send; a good answer stays open, for `Read`: gives `Reply` or `Lost`."""

    request: Request


class Read:
    """Read on: gives bytes, None at the end, or `Lost`."""


class Wait(NamedTuple):
    """Do nothing for a while."""

    seconds: float


class Emit(NamedTuple, Generic[T]):
    """One of many answers."""

    value: T


Plan = Generator[Send | Wait, Any, T]
"""Steps to one answer."""
Emitting = Generator[Send | Wait | Open | Read | Emit[T], Any, None]
"""Steps that give many answers on the way."""


class Blocking:
    """A client whose calls return their answers."""

    def _run(self, plan: Plan[T]) -> T:
        raise NotImplementedError

    def _iterate(self, plan: Emitting[T]) -> Generator[T, None, None]:
        raise NotImplementedError


class Awaited:
    """A client whose calls are awaited."""

    async def _run(self, plan: Plan[T]) -> T:
        raise NotImplementedError

    def _iterate(self, plan: Emitting[T]) -> AsyncGenerator[T, None]:
        raise NotImplementedError


class call(Generic[P, T]):
    """A method that plans one answer: it returns it on `Client`, is awaited on `AsyncClient`."""

    def __init__(self, plan: Callable[Concatenate[Any, P], Plan[T]]) -> None:
        self._plan = plan
        self._signature = _told(plan)
        functools.update_wrapper(self, plan)  # type: ignore[arg-type]

    @overload
    def __get__(self, client: None, kind: type) -> Self: ...
    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, client: Any, kind: type) -> Any:
        """The method of one client."""
        if client is None:
            return self

        def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client._run(self._plan(client, *args, **kwargs))

        return _named(bound, self)


class iteration(Generic[P, T]):
    """A method that plans many answers: a generator on `Client`, an async one on `AsyncClient`."""

    def __init__(self, plan: Callable[Concatenate[Any, P], Emitting[T]]) -> None:
        self._plan = plan
        self._signature = _told(plan)
        functools.update_wrapper(self, plan)  # type: ignore[arg-type]

    @overload
    def __get__(self, client: None, kind: type) -> Self: ...
    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, Generator[T, None, None]]: ...
    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[P, AsyncGenerator[T, None]]: ...

    def __get__(self, client: Any, kind: type) -> Any:
        """The method of one client."""
        if client is None:
            return self

        def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client._iterate(self._plan(client, *args, **kwargs))

        return _named(bound, self)


def _told(plan: Callable[..., Any]) -> inspect.Signature:
    """What `help` shows: without self, and with the answer instead of the plan."""
    signature = inspect.signature(plan)
    parameters = list(signature.parameters.values())[1:]
    answer = get_args(signature.return_annotation)
    return inspect.Signature(parameters, return_annotation=answer[-1] if answer else Any)


def _named(bound: Any, described: Any) -> Any:
    bound.__name__ = described.__name__
    bound.__qualname__ = described.__qualname__
    bound.__doc__ = described.__doc__
    bound.__signature__ = described._signature
    return bound
