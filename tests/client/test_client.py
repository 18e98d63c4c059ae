"""Every call of both clients, against a real server with a really trained database."""

import asyncio
import json
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest

from penchant.client import ClientError, ProblemError, Retries, UnreachableError, answers
from penchant.client.api import ROWS
from penchant.core.errors import ConfigError, InvalidEventError, InvalidRequestError

Make = Callable[..., Any]
Listen = Callable[..., Any]
HEAT, ALIEN = "0113277", "0078748"
NONE = '{"categories": []}'
SOON = Retries(first_wait_s=0.01)


def items(slate: answers.Slate) -> list[str]:
    return [place.item for place in slate.items]


# ---- without our server ----------------------------------------------------------------------


def test_address_and_key_come_from_the_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch, scripted: Listen
) -> None:
    with scripted(*[(200, NONE)] * 2) as there:
        monkeypatch.setenv("PENCHANT_URL", there.url + "/")
        monkeypatch.setenv("PENCHANT_KEY", " pk_shop_1 \n")
        make().categories()
        make(key="pk_other_2").categories()
    assert b"GET /categories HTTP/1.1" in there.asked[0]
    assert b"Authorization: Bearer pk_shop_1\r\n" in there.asked[0]
    assert b"Authorization: Bearer pk_other_2\r\n" in there.asked[1]


def test_a_path_before_the_api_is_kept(make: Make, scripted: Listen) -> None:
    with scripted((200, NONE)) as there:
        make(there.url + "/shop/").categories()
    assert b"GET /shop/categories HTTP/1.1" in there.asked[0]


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://shop.example",
        "http://",
        "http://x?y=1",
        "http://[::1",
        "http://127.0.0.1:abc",
        "http://☃.example",
    ],
)
def test_what_is_no_address_is_said_at_once(make: Make, url: str) -> None:
    with pytest.raises(ConfigError, match="the server's address is"):
        make(url)


def test_where_nobody_listens_the_error_says_so(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnreachableError, match="GET /about got no answer in 2 tries"):
        make(url, retries=Retries(tries=2, first_wait_s=0.01)).about()


def test_a_server_that_says_nothing_is_not_waited_for_longer_than_asked(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = make(
            f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=0.05, retries=Retries(tries=1)
        )
        with pytest.raises(UnreachableError, match="in 1 try"):
            client.about()


def test_a_busy_server_is_asked_again_when_it_said(make: Make, scripted: Listen) -> None:
    busy = (429, '{"title": "Too many requests"}', "Retry-After: 0.05")
    with scripted(busy, busy, (200, NONE)) as there:
        began = time.monotonic()
        assert make(there.url, retries=SOON).categories().categories == []
    assert len(there.asked) == 3
    assert time.monotonic() - began >= 0.1


def test_a_problem_tells_all_that_the_server_said(make: Make, scripted: Listen) -> None:
    body = (
        '{"type": "/docs/problems#not-found", "title": "No such thing", "status": 404, '
        '"detail": "no item has the id \'x\'", "instance": "/items/x", "request_id": "r1"}'
    )
    with scripted((404, body)) as there, pytest.raises(ProblemError) as found:
        make(there.url).item("x")
    error = found.value
    assert (error.status, error.slug, error.request_id) == (404, "not-found", "r1")
    assert error.instance == "/items/x"
    assert str(error) == "404 No such thing: no item has the id 'x'"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ((200, "<html>"), "200 this is no answer of Penchant"),
        ((200, '{"other": 1}'), "200 this is no answer of Penchant"),
        ((500, "<html>"), "500 this is no answer of Penchant: <html>"),
        ((302, ""), "302 this is no answer of Penchant"),
    ],
)
def test_an_answer_of_somebody_else_is_an_error_too(
    make: Make, said: tuple[int, str], told: str, scripted: Listen
) -> None:
    with scripted(said) as there, pytest.raises(ClientError) as found:
        make(there.url).categories()
    assert str(found.value).startswith(told)


def test_what_cannot_be_sent_is_said_before_anything_is(make: Make, scripted: Listen) -> None:
    with scripted() as there:
        client = make(there.url)
        with pytest.raises(InvalidRequestError, match="cannot be sent as JSON"):
            client.observe("ann", value=object())
        with pytest.raises(InvalidRequestError, match="an id is ''"):
            client.item("")
        with pytest.raises(InvalidRequestError, match=r"^value is nan; allowed are finite"):
            client.observe("ann", "tea", "rating", value=math.nan)
        with pytest.raises(InvalidRequestError, match=r"^context\.share is -inf; allowed"):
            client.observe_many([{"user": "ann", "context": {"share": -math.inf}}])
        rows = [{"user": "ann", "item": "tea", "type": "view"}] * 1_500
        with pytest.raises(InvalidRequestError, match=r"^value is nan; allowed are finite"):
            client.observe_many([*rows, {"user": "ann", "value": math.nan}])
        with pytest.raises(InvalidRequestError, match=r"^categories is 'tea'; allowed is a list"):
            client.put_item("i1", categories="tea")
        with pytest.raises(InvalidRequestError, match=r"^items is 'i12'; allowed is a list"):
            client.rank("ann", "i12")
        with pytest.raises(InvalidRequestError, match=r"^exclude is 'i1'; allowed is a list"):
            client.recommend("ann", exclude="i1")
        with pytest.raises(InvalidRequestError, match=r"^categories is 'c1'; allowed is a list"):
            client.session([], categories="c1")
        with pytest.raises(InvalidRequestError, match=r"^events\[0\]\.time is inf; allowed"):
            client.session([{"item": "tea", "type": "view", "time": math.inf}])
    assert there.asked == []


def test_an_empty_id_is_none_and_the_event_gets_one_before_it_is_sent(
    make: Make, scripted: Listen
) -> None:
    told = (200, '{"results": [{"event_id": "e", "status": "new", "error": null}], "cursor": "1"}')
    rows = [{"user": "u", "type": "view", **ids} for ids in ({"id": ""}, {"id": 0})]
    rows.append({"user": "u", "type": "view", "id": "", "event_id": "mine"})
    with scripted(told, told) as there:
        client = make(there.url)
        client.observe("u", "i", id="")
        client.observe_many(rows)
    one, many = (json.loads(request.partition(b"\r\n\r\n")[2]) for request in there.asked)
    assert len(one["id"]) == 32
    assert [len(str(row["id"])) for row in many] == [32, 1, 0]
    assert many[2]["event_id"] == "mine"


def test_a_stream_that_is_refused_ends_with_the_problem(make: Make, scripted: Listen) -> None:
    refusal = (401, '{"title": "A key is needed"}')
    with scripted(refusal) as there, pytest.raises(ProblemError, match="401 A key is needed"):
        next(make(there.url).stream("ann"))


# ---- events ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_event_is_known_to_the_next_slate_and_undone(penchant: Any, user: str) -> None:
    seen = penchant.observe(user, HEAT, "rating", value=9, words="great", context={"page": 2})
    assert (seen.status, len(seen.event)) == ("new", 32)
    slate = penchant.recommend(user, after=seen.cursor)
    assert slate.user == user
    assert int(slate.state_cursor) >= int(seen.cursor)
    (stored,) = penchant.history(user).events
    assert (stored.id, stored.item, stored.value, stored.words) == (seen.event, HEAT, 9.0, "great")
    assert (stored.title, stored.context) == ("Heat (1995)", {"page": 2})
    assert penchant.undo(seen.event) == answers.Undone(event_id=seen.event, undone=True)
    assert penchant.history(user).total == 0
    assert penchant.observe(user, HEAT, "rating", value=9, id=seen.event).status == "undone"
    with pytest.raises(ProblemError, match="no event has the id"):
        penchant.undo("never-seen")


@pytest.mark.slow
def test_an_event_that_cannot_be_is_an_error_of_its_own(penchant: Any, user: str) -> None:
    with pytest.raises(InvalidEventError, match=r"named 'veiw' .*'view'"):
        penchant.observe(user, HEAT, "veiw")
    assert penchant.history(user).total == 0


@pytest.mark.slow
def test_of_many_rows_the_good_ones_land_in_order(penchant: Any, user: str) -> None:
    rows = [
        {"user": user, "item": HEAT, "type": "view", "time": 1_362_000_000 + n}
        for n in range(ROWS + 500)
    ]
    rows[700] = {"user": user, "type": "view", "item": HEAT, "time": "yesterday"}
    told = penchant.observe_many(iter(rows))
    assert Counter(one.status for one in told.results) == {"new": ROWS + 499, "rejected": 1}
    assert told.results[700].status == "rejected"
    assert "yesterday" in told.results[700].error
    assert penchant.history(user, limit=1).total == ROWS + 499
    again = penchant.observe_many(
        {**row, "id": one.event_id}
        for row, one in zip(rows, told.results, strict=True)
        if one.event_id
    )
    assert {one.status for one in again.results} == {"duplicate"}
    assert penchant.observe_many([]).results == []


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False], ids=["request", "answer"])
def test_an_event_whose_request_or_answer_is_lost_is_there_once(
    make: Make, server: str, user: str, before: bool, forgetful: Listen
) -> None:
    with forgetful(server, lost=2, before=before) as between:
        seen = make(between.url, retries=SOON).observe(user, HEAT, "view")
    assert len(between.asked) == 3
    assert len({request.partition(b"\r\n\r\n")[2] for request in between.asked}) == 1
    assert seen.status == ("new" if before else "duplicate")
    stored = make(server).history(user)
    assert [event.id for event in stored.events] == [seen.event]


@pytest.mark.slow
def test_what_an_earlier_try_took_away_is_taken_away(
    make: Make, server: str, user: str, forgetful: Listen
) -> None:
    direct = make(server)
    seen = direct.observe(user, HEAT, "view")
    direct.put_item(user, title="Short-lived")
    for lost, what in ((1, "event"), (1, "item"), (1, "user")):
        with forgetful(server, lost) as between:
            client = make(between.url, retries=SOON)
            if what == "event":
                assert client.undo(seen.event).undone
            elif what == "item":
                assert client.remove_item(user).removed
            else:
                with pytest.raises(ProblemError, match="the receipt, was lost on the way"):
                    client.forget(user)
    assert direct.history(user).total == 0


# ---- slates ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_slate_heeds_what_it_is_asked_for(penchant: Any, user: str) -> None:
    penchant.observe(user, HEAT, "rating", value=9)
    plain = penchant.recommend(user, 5, reasons=True)
    assert len(plain.items) == 5
    assert plain.items[0].title
    assert plain.items[0].source in plain.items[0].parts
    assert plain.artifact == penchant.about().artifact
    left = penchant.recommend(user, 5, exclude=items(plain)[:2])
    assert not set(items(plain)[:2]) & set(items(left))
    horror = penchant.recommend(user, 5, categories=["Horror", "Western"])
    assert all({"Horror", "Western"} & set(place.categories) for place in horror.items)
    assert HEAT not in items(penchant.recommend(user, 500, repeats=False))
    with pytest.raises(ProblemError, match="diversity") as found:
        penchant.recommend(user, diversity=3.0)
    assert found.value.status == 422
    with pytest.raises(ProblemError) as found:
        penchant.recommend(user, placement="nowhere")
    assert found.value.slug == "invalid-request"


@pytest.mark.slow
def test_reasons_speak_the_language_that_is_asked_for(penchant: Any, user: str) -> None:
    for item in items(penchant.recommend(user, 3)):
        penchant.observe(user, item, "rating", value=10)
    for lang, word in (("en", "because of"), ("zh", "因为")):
        slate = penchant.recommend(user, 20, reasons=True, lang=lang)
        told = [why.sentence for place in slate.items for why in place.reasons]
        assert told
        assert all(word in sentence for sentence in told)


@pytest.mark.slow
def test_pages_follow_one_another_without_repeats(penchant: Any, user: str) -> None:
    pages = list(penchant.pages(user, 400, categories=["Drama", "Comedy"]))
    shown = [item for page in pages for item in items(page)]
    assert len(pages) > 1
    assert len(shown) == len(set(shown))
    (all_at_once,) = islice(penchant.pages(user, 3), 1)
    assert items(all_at_once) == items(penchant.recommend(user, 3))


@pytest.mark.slow
def test_ranking_sessions_popular_and_similar(penchant: Any, user: str) -> None:
    ranked = penchant.rank(user, [HEAT, ALIEN, "no-such-film"], reasons=True, lang="zh")
    assert {place.item for place in ranked.items} <= {HEAT, ALIEN}
    assert "no-such-film" in ranked.unknown
    nameless = penchant.session([{"item": HEAT, "type": "rating", "value": 9}], 4, exclude=[ALIEN])
    assert (nameless.user, len(nameless.items)) == (None, 4)
    week = penchant.popular(3, window="7d")
    assert (week.window, len(week.items)) == ("7d", 3)
    counts = [one.count for one in week.items]
    assert counts == sorted(counts, reverse=True)
    film = week.items[0].item
    like = penchant.similar(film, 3)
    assert (like.item, film in [one.item for one in like.items]) == (film, False)


@pytest.mark.slow
def test_a_stream_gives_a_slate_whenever_it_moves_and_ends_with_the_user(
    penchant: Any, make: Make, server: str, user: str
) -> None:
    other, stream = make(server), penchant.stream(user, 5)
    first = next(stream)
    assert items(first) == items(other.recommend(user, 5))
    other.observe(user, items(first)[0], "dismiss")
    second = next(stream)
    assert items(first)[0] not in items(second)
    assert int(second.state_cursor) > int(first.state_cursor)
    other.forget(user)
    assert list(stream) == []


@pytest.mark.slow
def test_a_stream_whose_line_is_cut_goes_on_where_it_was(
    make: Make, server: str, user: str, forgetful: Listen
) -> None:
    direct = make(server)
    with forgetful(server, lost=0) as between:
        stream = make(between.url, retries=SOON).stream(user, 5)
        first = next(stream)

        def cut_then_move() -> None:
            between.drop()
            time.sleep(0.3)

        threading.Thread(target=cut_then_move).start()
        time.sleep(0.2)
        direct.observe(user, items(first)[0], "dismiss")
        second = next(stream)
        stream.close()
    assert len(between.asked) >= 2
    assert items(first)[0] not in items(second)


# ---- items and users -------------------------------------------------------------------------


@pytest.mark.slow
def test_an_item_is_put_found_and_removed(penchant: Any, user: str) -> None:
    item = f"{user}?#/.."
    assert penchant.put_item(item, title="Zwölf Blätter").status == "created"
    put = penchant.put_item(
        item,
        title="Zwölf Blätter",
        categories=["Folia"],
        description="d",
        attributes={"year": 2001},
        expires=4_000_000_000,
    )
    assert put.status == "replaced"
    found = penchant.item(item)
    assert (found.id, found.title, found.categories) == (item, "Zwölf Blätter", ["Folia"])
    assert (found.attributes, found.expires_s) == ({"year": 2001}, 4_000_000_000.0)
    assert "Folia" in [one.name for one in penchant.categories().categories]
    listed = penchant.search("blätter zwö", category="Folia", limit=5)
    assert (listed.total, [one.id for one in listed.items]) == (1, [item])
    assert penchant.remove_item(item).removed
    assert penchant.search("blätter zwö").total == 0
    with pytest.raises(ProblemError) as gone:
        penchant.item(item)
    assert gone.value.status == 404


@pytest.mark.slow
def test_of_many_items_each_is_told_what_became_of_it(penchant: Any, user: str) -> None:
    rows = [{"id": f"{user}-{n}", "title": f"Item {n}"} for n in range(3)]
    told = penchant.put_items([*rows, {"title": "nameless"}])
    assert [one.status for one in told.results] == [*["created"] * 3, "rejected"]
    assert "id" in told.results[3].error
    for row in rows:
        penchant.remove_item(row["id"])


@pytest.mark.slow
def test_interests_can_be_read_and_their_way_followed(penchant: Any, user: str) -> None:
    for item in items(penchant.recommend(user, 3)):
        penchant.observe(user, item, "rating", value=10)
    found = penchant.interests(user)
    assert found.interests[0].label
    assert found.interests[0].evidence
    assert found.interests[0].trend.direction in ("rising", "steady", "falling")
    way = penchant.timeline(user, limit=2)
    assert len(way.moments) == 3
    assert way.moments[-1].event is None
    assert {len(moment.weights) for moment in way.moments} == {len(way.labels)}


@pytest.mark.slow
def test_a_user_is_described_listed_exported_and_forgotten(penchant: Any, user: str) -> None:
    penchant.put_user(user, {"country": "DE"})
    penchant.observe(user, HEAT, "view")
    described = penchant.user(user)
    assert (described.events, described.attributes) == (1, {"country": "DE"})
    busiest = penchant.users(limit=2)
    assert len(busiest.users) == 2
    assert busiest.users[0].events >= busiest.users[1].events
    exported = penchant.export(user)
    assert [event.item for event in exported.events] == [HEAT]
    assert exported.attributes == {"country": "DE"}
    receipt = penchant.forget(user)
    assert (receipt.user, receipt.events) == (user, 1)
    with pytest.raises(ProblemError) as gone:
        penchant.user(user)
    assert gone.value.status == 404


@pytest.mark.slow
def test_the_server_says_what_it_is(penchant: Any) -> None:
    assert penchant.health().status == "ready"
    about = penchant.about()
    assert about.clock == "log"
    assert about.signals["dismiss"].hides
    assert about.languages == ["en", "zh"]
    assert penchant.overview().facts["events"] >= 5_000


@pytest.mark.slow
def test_threads_and_tasks_share_one_client(make: Make, server: str, user: str) -> None:
    client = make(server)
    if hasattr(client, "_runner"):  # tasks

        async def many() -> None:
            each = [client._client.observe(user, HEAT, "view") for _ in range(50)]
            await asyncio.gather(*each)

        client._runner.run(many())
    else:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: client.observe(user, HEAT, "view"), range(50)))
    assert client.history(user).total == 50


def test_a_key_in_letters_that_no_key_has_is_said_at_once(make: Make) -> None:
    with pytest.raises(ConfigError, match="letters that no key has"):
        make(key="钥匙")
