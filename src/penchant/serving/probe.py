"""Probe: what a running server says of itself, judged in sentences."""

import http.client
import math
from collections.abc import Iterator, Mapping, Sequence
from string import punctuation
from typing import Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from penchant.core.errors import PenchantError
from penchant.serving.config import loopback
from penchant.serving.problems import PROBLEMS

WITHIN_S: Final = 10.0
OLD_DAYS: Final = 30.0
"""Age from which on a model has probably not seen what people want now."""
ENOUGH: Final = 100
"""Requests with events from which on their slowest hundredth says something."""
REFUSED: Final = 0.01
"""Part of the rows that may be wrong before somebody should look at who sends them."""
WAITING: Final = 100
"""Requests in a queue from which on the server is behind."""
MEMORY: Final = 0.8
"""Part of the machine's memory that is too much for one process."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    fine: bool
    says: str


class NoServerError(PenchantError):
    """There is no server at that address, or it does not let us in."""


def probe(url: str, key: str | None, memory_bytes: float | None) -> list[Finding]:
    """What is right and wrong with the server at `url`; `memory_bytes`: what its machine has."""
    if not host_of(url):
        raise NoServerError(f"{url!r} is no address; allowed is one such as http://127.0.0.1:8420")
    status, _ = _get(f"{url.rstrip('/')}/health/ready", key)
    ready = Finding("server", status == 200, f"{url} is ready")
    if status != 200:
        ready = ready._replace(says=f"{url} is not ready: it stops, or cannot read its log")
    status, text = _get(f"{url.rstrip('/')}/metrics", key)
    if status != 200:
        raise NoServerError(
            f"{url}/metrics answers {status}; where keys are needed, name one with --key"
        )
    try:
        measured = Measured(text)
    except ValueError:
        raise NoServerError(f"what answers at {url} is no server of ours") from None
    return [ready, *judge(measured, memory_bytes)]


class Measured:
    """Prometheus text, by name and label."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, list[Sample]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append(sample)

    def one(self, name: str) -> float:
        """The only value of that name; NaN: there is none."""
        found = self._samples.get(name, ())
        return found[0].value if found else math.nan

    def by(self, name: str, label: str) -> Mapping[str, float]:
        """Sums by one label."""
        sums: dict[str, float] = {}
        for sample in self._samples.get(name, ()):
            value = sample.labels[label]
            sums[value] = sums.get(value, 0.0) + sample.value
        return sums

    def buckets(self, name: str) -> Sequence[tuple[float, float]]:
        """Upper edges of a histogram and how many are below."""
        return [(float(edge), n) for edge, n in self.by(f"{name}_bucket", "le").items()]


def judge(measured: Measured, memory_bytes: float | None = None) -> Iterator[Finding]:
    """A finding for each thing that can go wrong in a running server."""
    yield _freshness(measured)
    yield _rejects(measured)
    yield _failures(measured)
    yield _queues(measured)
    yield _artifact(measured)
    yield _memory(measured, memory_bytes)


def quantile(buckets: Sequence[tuple[float, float]], q: float) -> float:
    """The upper edge of the bucket in which the quantile lies; NaN where nothing was measured.

    >>> quantile([(0.01, 90.0), (0.02, 99.0), (math.inf, 100.0)], 0.99)
    0.02
    """
    total = buckets[-1][1] if buckets else 0.0
    return next((edge for edge, below in buckets if total and below >= q * total), math.nan)


def _freshness(measured: Measured) -> Finding:
    target_s = measured.one("penchant_freshness_target_seconds")
    p99_s = quantile(measured.buckets("penchant_event_visible_seconds"), 0.99)
    if math.isnan(p99_s):
        return Finding("freshness", True, "no event has come since the start")
    requests = measured.one("penchant_event_visible_seconds_count")
    fine = p99_s <= target_s or requests < ENOUGH
    p99 = f"{p99_s * 1e3:g} ms" if math.isfinite(p99_s) else "more than 5 s"
    says = f"99 of 100 requests have their events known to slates within {p99}"
    says += f"; the target is {target_s * 1e3:g} ms"
    if requests < ENOUGH:
        says += f"; {requests:,.0f} measured so far, too few to judge"
    if not fine:
        says += "; see penchant_stage_seconds: write is the disk, write_wait too many at a time"
    return Finding("freshness", fine, says)


def _rejects(measured: Measured) -> Finding:
    rows = measured.by("penchant_events_total", "status")
    total, rejected = sum(rows.values()), rows.get("rejected", 0.0)
    says = f"{rejected:,.0f} of {total:,.0f} rows were rejected"
    fine = rejected <= REFUSED * total
    if not fine:
        counted = measured.by("penchant_rejected_total", "reason").items()
        why = [pair for pair in counted if pair[0] not in PROBLEMS]  # those refuse whole requests
        shown = sorted(why, key=lambda pair: -pair[1])[:3]
        says += f", most for {', '.join(name for name, _ in shown)}; see what is sent"
    return Finding("rejects", fine, says)


def _failures(measured: Measured) -> Finding:
    failed = {
        status: count
        for status, count in measured.by("penchant_request_seconds_count", "status").items()
        if status.startswith("5") and status != "503"
    }
    if not failed:
        return Finding("failures", True, "no request has failed")
    told = ", ".join(f"{count:,.0f} with {status}" for status, count in failed.items())
    return Finding("failures", False, f"requests have failed: {told}; the server's log says why")


def _queues(measured: Measured) -> Finding:
    writes, reads = measured.one("penchant_write_queue"), measured.one("penchant_read_queue")
    fine = writes < WAITING and reads < WAITING
    says = f"{writes:,.0f} writes and {reads:,.0f} reads wait"
    return Finding("queues", fine, says if fine else f"{says}: more comes than can be done")


def _artifact(measured: Measured) -> Finding:
    age_s = measured.one("penchant_artifact_age_seconds")
    if math.isnan(age_s):
        return Finding("artifact", True, "none yet; `penchant train` makes one")
    days = age_s / 86_400
    says = f"the model is {days:,.1f} days old"
    fine = days <= OLD_DAYS
    return Finding("artifact", fine, says if fine else f"{says}; `penchant train` makes another")


def _memory(measured: Measured, memory_bytes: float | None) -> Finding:
    used = measured.one("penchant_memory_bytes")
    says = f"{used / 2**20:,.0f} MiB"
    if memory_bytes is None or not used > MEMORY * memory_bytes:
        return Finding("memory", True, says)
    says += f" of the machine's {memory_bytes / 2**20:,.0f}"
    return Finding("memory", False, f"{says}; lower users and states_mib of [memory]")


def host_of(url: str) -> str:
    """The host of an address; nothing where it is none.

    >>> host_of("http://localhost:8420/"), host_of("http://[::1"), host_of("localhost:8420")
    ('localhost', '', '')
    """
    if not url.startswith(("http://", "https://")):
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _sent(url: str) -> str:
    """The address as it goes over the wire, in ASCII.

    >>> _sent("http://商店.example:8420/p/推荐?a=1")
    'http://xn--czrs0t.example:8420/p/%E6%8E%A8%E8%8D%90?a=1'
    """
    parts = urlsplit(url)
    asked = quote(parts._replace(scheme="", netloc="").geturl(), safe=punctuation)
    return f"{parts.scheme}://{parts.netloc.encode('idna').decode()}{asked}"


def _get(url: str, key: str | None) -> tuple[int, str]:
    headers = {} if key is None else {"X-API-Key": key.strip()}
    if not headers.get("X-API-Key", "").isascii():
        raise NoServerError("the key has letters that no key has; `penchant keys` makes one")
    # a proxy knows nothing of this machine's own servers, and is not to see their keys
    opener = build_opener(ProxyHandler({})) if loopback(host_of(url)) else build_opener()
    try:
        with opener.open(Request(_sent(url), headers=headers), timeout=WITHIN_S) as answer:
            return int(answer.status), answer.read().decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, ""
    except (URLError, OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "reason", error)
        raise NoServerError(f"nothing answers at {url}: {reason}") from None
