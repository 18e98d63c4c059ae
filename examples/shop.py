"""A customer of a gift shop comes back for the same, buys something new, and the slate knows."""

from uuid import uuid4

from penchant.client import Client
from penchant.client.answers import Ranking, Slate

WEEK_S = 7 * 86_400.0
NAPKINS, CAKE_STAND = "21080", "22423"
BESTSELLERS = ("85123A", "22086", "47566")


def show(headline: str, slate: Slate | Ranking) -> None:
    """Print a list: what, from which source, and why."""
    print(f"\n{headline}")
    for n, place in enumerate(slate.items, start=1):
        why = "  ".join(reason.sentence for reason in place.reasons)
        print(f"{n}. {place.title or place.item:<36.36} {place.source:<13} {why}")


with Client() as penchant:
    customer, now_s = f"customer-{uuid4().hex}", penchant.about().now_s
    show("A stranger is shown what sells:", penchant.recommend(customer, 5))

    bought = {"user": customer, "item": NAPKINS, "type": "purchase", "value": 12}
    penchant.observe_many({**bought, "time": now_s - n * WEEK_S} for n in (3, 2, 1))
    ranked = penchant.rank(customer, [*BESTSELLERS, NAPKINS])
    show("Bestsellers, and the napkins of the last three orders, as this customer ranks:", ranked)

    seen = penchant.observe(customer, CAKE_STAND, "purchase", value=1)
    slate = penchant.recommend(customer, 5, after=seen.cursor, reasons=True, repeats=False)
    show("A cake stand, just now, and what goes with it:", slate)

    print(f"\nForgotten: {penchant.forget(customer).events} events")
