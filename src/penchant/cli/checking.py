"""What `penchant demo --check` measures: slates that follow events, and how good they are."""

import time
from collections.abc import Collection
from typing import Any

from penchant.cli.films import Films, with_others
from penchant.core.clock import ManualClock
from penchant.core.ids import UserId
from penchant.engine.engine import Engine
from penchant.engine.learned import load_learned
from penchant.evaluation.speed import spread_ms
from penchant.evaluation.successive import evaluate_learned


def feed(
    engine: Engine, clock: ManualClock, films: Films, followed: Collection[UserId], places: int
) -> dict[str, Any]:
    """The later events of the users followed, in time order, a slate read after each.

    Everybody else's events go in between, so that trends are those of the moment. A slate has
    changed when it differs from the one read just before the event, at the same moment.
    """
    times, changed = [], 0
    for others, event in with_others(films.later, set(followed)):
        clock.set(event.time_s)
        engine.observe_many(others)
        before = engine.recommend(event.user, places)
        began = time.perf_counter()
        seen = engine.observe(
            event.user, event.item, event.type, value=event.value, time=event.time_s, id=event.id
        )
        after = engine.recommend(event.user, places, after=seen.cursor)
        times.append(time.perf_counter() - began)
        changed += [place.item for place in before.items] != [place.item for place in after.items]
    return {
        "events": len(times),
        "event_to_slate_ms": spread_ms(times),
        "slates_changed": changed,
    }


def judge(engine: Engine, films: Films) -> dict[str, float]:
    """NDCG@10 of every row over all later events, by the artifact in use as it was published."""
    learned = load_learned(
        engine.path.with_name(f"{engine.path.name}.artifacts") / str(engine.artifact)
    )
    return evaluate_learned(learned, films.data.columns, films.cut_s, engine.config.signals)
