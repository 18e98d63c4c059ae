"""A stranger rates films, the slate moves, one is taken back, all is forgotten."""

from uuid import uuid4

from penchant.client import Client
from penchant.client.answers import Slate


def show(headline: str, slate: Slate) -> Slate:
    """Print a slate: what, from which source, and why."""
    print(f"\n{headline}")
    for n, place in enumerate(slate.items, start=1):
        why = "  ".join(reason.sentence for reason in place.reasons)
        print(f"{n}. {place.title or place.item:<36.36} {place.source:<13} {why}")
    return slate


with Client() as penchant:
    viewer = f"viewer-{uuid4().hex}"
    slates = penchant.stream(viewer, 5, repeats=False, reasons=True)  # each comes by itself
    slate = show("Nobody knows the viewer yet:", next(slates))

    for film in slate.items[1:3]:
        seen = penchant.observe(viewer, film.item, "rating", value=9)
        show(f"9 of 10 for {film.title}:", next(slates))
    for interest in penchant.interests(viewer).interests[:3]:
        print(f"-> {interest.label} {interest.weight:.0%} {interest.trend.direction}")

    penchant.undo(seen.event)
    show("The last rating is taken back:", next(slates))

    print(f"\nForgotten: {penchant.forget(viewer).events} event")
    print("The stream has ended:", list(slates) == [])
