"""Settings of the server: where it listens, what it lets in, how long it waits."""

from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field


class ServingConfig(BaseModel):
    """Settings of the server."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on; any but a loopback address needs keys: `penchant keys add`."""
    port: int = Field(default=8420, ge=0, le=65_535)
    """Port to listen on; 0: any that is free."""
    hosts: tuple[str, ...] = ()
    """More names by which callers may address a server that has no keys; always allowed are
    localhost and the address it listens on."""
    cors_origins: tuple[str, ...] = ()
    """Pages of other origins that browsers may let call, as `https://shop.example`; "*": all."""
    max_body_bytes: int = Field(default=1_048_576, ge=1_024)
    """Largest body of a request."""
    max_rows: int = Field(default=1_000, ge=1)
    """Most rows in one request."""
    max_head_bytes: int = Field(default=32_768, ge=1_024)
    """Largest head of a request: line and headers."""
    header_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds until a connection that has sent no complete head is closed."""
    body_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds until a body that is still incomplete is answered 408."""
    keep_alive_s: float = Field(default=30.0, gt=0)
    """Seconds until a connection is closed that has no request, or reads nothing of its answer."""
    max_connections: int = Field(default=4_096, ge=1)
    """Connections open at once; more are closed as they come."""
    max_requests: int = Field(default=256, ge=1)
    """Requests in work at once; more are answered 503."""
    max_streams: int = Field(default=256, ge=0)
    """Streams open at once; more are answered 503."""
    alive_every_s: float = Field(default=15.0, gt=0)
    """Seconds between the comments that keep a silent stream open."""
    rate_per_s: float = Field(default=0.0, ge=0)
    """Requests a second of one key, or of one address without keys; 0: no limit."""
    rate_burst: int = Field(default=100, ge=1)
    """Requests that may come at once before `rate_per_s` holds."""
    stop_within_s: float = Field(default=10.0, gt=0)
    """Seconds that requests in work get to finish when the server stops."""
    access_log: bool = False
    """Whether every request is logged, by its route and never with an id of anybody."""
    freshness_target_ms: float = Field(default=20.0, gt=0)
    """Milliseconds from an event's arrival until slates know it that `penchant doctor` holds
    the server to."""


def loopback(host: str) -> bool:
    """Whether only this machine can reach it.

    >>> loopback("127.0.0.1"), loopback("localhost"), loopback("0.0.0.0"), loopback("")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
