"""What the server measures, and what the doctor makes of it."""

import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.serving.conftest import Opens, Shop

from penchant.serving.metrics import SECONDS, Metrics, Rates
from penchant.serving.probe import Finding, Measured, NoServerError, judge, probe


def judged(metrics: Metrics, **more: float) -> dict[str, Finding]:
    return {found.name: found for found in judge(Measured(metrics.text().decode()), **more)}


def watched(**values: float) -> Metrics:
    metrics = Metrics(20.0)
    known = {
        "penchant_write_queue": 0.0,
        "penchant_read_queue": 0.0,
        "penchant_memory_bytes": 2.0**28,
        "penchant_artifact_age_seconds": math.nan,
    }
    metrics.watch({name: ("", lambda v=v: v) for name, v in {**known, **values}.items()})
    return metrics


def test_what_came_in_is_counted_by_what_became_of_it(opens: Opens) -> None:
    shop = opens()
    event = {"user": "ann", "item": "tea", "type": "view", "id": "m-1"}
    shop.post("/events", [event, event, {**event, "type": "veiw"}, {**event, "value": "x"}])
    shop.slate("ann")
    shop.http.get("/users/ann/recommendations?n=0")
    text = shop.http.get("/metrics").text
    for line in (
        'penchant_events_total{status="new"} 1.0',
        'penchant_events_total{status="duplicate"} 1.0',
        'penchant_events_total{status="rejected"} 2.0',
        'penchant_rejected_total{reason="type"} 1.0',
        'penchant_rejected_total{reason="value"} 1.0',
        'penchant_rejected_total{reason="invalid-request"} 1.0',
        'penchant_slates_total{placement="default"} 1.0',
        "penchant_event_visible_seconds_count 1.0",
        "penchant_freshness_target_seconds 0.02",
        "penchant_streams 0.0",
        "penchant_artifact_age_seconds NaN",
        'penchant_stage_seconds_count{stage="write"} 1.0',
    ):
        assert line in text.splitlines(), line
    route = 'method="GET",route="/users/{user}/recommendations",status="200"'
    assert f"penchant_request_seconds_count{{{route}}} 1.0" in text
    assert "ann" not in text
    assert Measured(text).one("penchant_memory_bytes") > 2**24


def test_the_slate_of_a_session_counts_as_any_other(opens: Opens) -> None:
    shop = opens()
    shop.post("/session/recommendations", {"events": [{"item": "tea", "type": "view"}]})
    shop.http.post("/session/recommendations", json={"events": [{"type": "veiw"}]})
    assert 'penchant_slates_total{placement="default"} 1.0' in shop.http.get("/metrics").text
    told = shop.get("/overview")
    assert sum(told["rates"]["slates"]) == 1
    assert told["latency_ms"]["slate"]["p50"] > 0


def test_the_overview_shows_the_log_the_rates_and_the_latencies(opens: Opens) -> None:
    shop = opens(freshness_target_ms=30.0)
    shop.post("/events", {"user": "ann", "item": "tea", "type": "view"})
    shop.post("/events", {"user": "ann", "item": "tea", "type": "veiw"})
    shop.slate("ann")
    told: dict[str, Any] = shop.get("/overview")
    assert told.keys() == {
        "facts", "artifact", "card", "artifacts", "quality", "rates", "latency_ms", "memory_mib",
        "uptime_s", "freshness_target_ms", "drops",
    }  # fmt: skip
    assert told["facts"]["events"] == 6
    assert told["facts"]["types"] == {"view": 6}
    assert "path" not in told["facts"]
    assert told["quality"]["events"] == 6
    assert len(told["rates"]["events"]) == len(told["rates"]["slates"]) == SECONDS
    assert sum(told["rates"]["events"]) == sum(told["rates"]["slates"]) == 1
    for name in ("event_visible", "slate"):
        assert 0 < told["latency_ms"][name]["p50"] <= told["latency_ms"][name]["p99"]
    assert told["memory_mib"] > 16
    assert told["freshness_target_ms"] == 30.0
    assert told["drops"] == {"type": 1}


def test_about_says_what_the_server_takes(shop: Shop) -> None:
    told = shop.get("/about")
    assert told["signals"]["view"] == {
        "weight": 0.5,
        "half_life_days": 14.0,
        "threshold": None,
        "hides": False,
    }
    assert (told["auth"], told["clock"], told["artifact"]) == (False, "wall", None)
    assert (told["placements"], told["languages"]) == ([], ["en", "zh"])


def test_rates_forget_what_is_too_long_ago() -> None:
    rates = Rates()
    start = float(rates._last)
    rates.add(start, 3)
    rates.add(start + 1, 2)
    assert rates.latest(start + 1)[-2:] == [3, 2]
    assert rates.latest(start + 3)[-4:] == [3, 2, 0, 0]
    assert sum(rates.latest(start + SECONDS)) == 2
    assert sum(rates.latest(start + 5 * SECONDS)) == 0


def test_a_sound_server_passes() -> None:
    metrics = watched(penchant_artifact_age_seconds=86_400.0)
    for _ in range(200):
        metrics.took_in(["new"], 0.004)
    metrics.answered("/events", "POST", 200, 0.005)
    found = judged(metrics, memory_bytes=2.0**33)
    assert all(one.fine for one in found.values())
    assert "within 5 ms; the target is 20 ms" in found["freshness"].says
    assert found["artifact"].says == "the model is 1.0 days old"
    assert all(one.fine for one in judged(watched()).values())


def test_one_slow_event_is_said_to_be_too_few_to_judge() -> None:
    metrics = watched()
    metrics.took_in(["new"], 0.07)
    found = judged(metrics)["freshness"]
    assert found.fine
    assert found.says.endswith("; 1 measured so far, too few to judge")


def test_each_thing_that_is_wrong_is_said_with_what_to_do() -> None:
    metrics = watched(
        penchant_write_queue=500.0,
        penchant_memory_bytes=0.9 * 2.0**30,
        penchant_artifact_age_seconds=45 * 86_400.0,
    )
    for _ in range(95):
        metrics.took_in(["new"], 0.004)
    for _ in range(5):
        metrics.took_in(["new", "rejected"], 0.07)
        metrics.refused("type")
    metrics.answered("/users/{user}/interests", "GET", 500, 0.1)
    found = judged(metrics, memory_bytes=2.0**30)
    assert not any(one.fine for one in found.values())
    assert "within 100 ms; the target is 20 ms; see penchant_stage" in found["freshness"].says
    assert found["rejects"].says == "5 of 105 rows were rejected, most for type; see what is sent"
    assert found["failures"].says == ("requests have failed: 1 with 500; the server's log says why")
    assert "500 writes and 0 reads wait: more comes than can be done" in found["queues"].says
    assert "`penchant train` makes another" in found["artifact"].says
    assert "922 MiB of the machine's 1,024" in found["memory"].says


def test_a_running_server_is_probed_and_one_that_is_not_there_is_said(opens: Opens) -> None:
    shop = opens()
    names = [found.name for found in probe(shop.url, None, None)]
    assert names == [
        "server", "freshness", "rejects", "failures", "queues", "artifact", "memory",
    ]  # fmt: skip
    shop.stop()
    with pytest.raises(NoServerError, match="nothing answers at"):
        probe(shop.url, None, None)
    with pytest.raises(NoServerError, match="is no address"):
        probe("file:///etc/passwd", None, None)
    with pytest.raises(NoServerError, match=r"'http://\[::1' is no address"):
        probe("http://[::1", None, None)


def test_a_probe_strips_the_key_and_passes_by_proxies(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    shop = opens()
    assert probe(shop.url, "no-key\n", None)[0].fine
    with pytest.raises(NoServerError, match="the key has letters that no key has"):
        probe(shop.url, "密钥", None)


def test_a_server_of_another_kind_is_said_to_be_one() -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Hello {world}</html>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            with pytest.raises(NoServerError, match="is no server of ours"):
                probe(f"http://127.0.0.1:{server.server_port}", None, None)
        finally:
            server.shutdown()


def test_what_refuses_whole_requests_is_no_reason_for_rejected_rows() -> None:
    metrics = watched()
    metrics.took_in(["rejected"] * 2 + ["new"] * 8, 0.004)
    metrics.refused("time", 2)
    metrics.refused("not-found", 40)
    found = judged(metrics)
    assert found["rejects"].says == "2 of 10 rows were rejected, most for time; see what is sent"
    assert found["freshness"].says.startswith("99 of 100 requests ")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/商店", "http://商店.invalid", f"http://{'a' * 70}.例", "http://.."]
)
def test_an_address_in_other_letters_is_asked_and_nobody_answers(url: str) -> None:
    with pytest.raises(NoServerError, match="nothing answers at"):
        probe(url, None, None)
