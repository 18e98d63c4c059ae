"""The JavaScript client in Node, against the real server."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

CLIENT: Final = Path(__file__).parents[2] / "src/penchant/serving/static/penchant.js"
NODE: Final = shutil.which("node")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="needs Node.js, which is not installed"),
]


@pytest.fixture(scope="module")
def served(trained_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `penchant serve` on a trained database of its own."""
    folder = tmp_path_factory.mktemp("js") / "films"
    shutil.copytree(trained_once, folder)
    command = ["serve", "--db", str(folder / "films.db"), "--port", "0", "--clock", "log", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "penchant", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGINT)


def run(script: str, *args: str) -> Any:
    """What `script` gives to `done`; `Penchant`, `ProblemError` and its arguments are in scope."""
    head = (
        f'import {{ Penchant, ProblemError }} from "{CLIENT.as_uri()}";'
        "const args = process.argv.slice(1);"
        "const done = (result) => { console.log(JSON.stringify(result)); process.exit(0); };"
    )
    assert NODE is not None
    command = [NODE, "--input-type=module", "-e", head + script, "--", *args]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_an_event_moves_slate_and_interests_and_is_taken_back_and_forgotten(served: str) -> None:
    found = run(
        """
        const penchant = new Penchant({ url: args[0] });
        const before = await penchant.recommend("ann", { n: 5, repeats: false });
        const item = before.items[0].item;
        const seen = await penchant.observe({ user: "ann", item, type: "rating", value: 9 });
        const after = await penchant.recommend("ann", { n: 5, repeats: false, after: seen.cursor });
        const { interests } = await penchant.interests("ann");
        const { moments } = await penchant.timeline("ann", { limit: 5 });
        const history = await penchant.history("ann");
        await penchant.undo(seen.results[0].event_id);
        const undone = await penchant.recommend("ann", { n: 5, repeats: false });
        await penchant.observe([{ user: "ann", item, type: "view" }, { user: "ann", type: "x" }]);
        const receipt = await penchant.forget("ann");
        const names = (slate) => slate.items.map((place) => place.item);
        done({ before: names(before), after: names(after), undone: names(undone), interests,
               moments, history, receipt, status: seen.results[0].status });
        """,
        served,
    )
    assert found["status"] == "new"
    assert found["after"] != found["before"] == found["undone"]
    assert found["interests"]
    assert found["moments"][0]["event"] == found["history"]["events"][0]["id"]
    assert found["history"]["total"] == 1
    assert found["receipt"]["events"] == 1


def test_lists_sessions_and_items_are_served(served: str) -> None:
    found = run(
        """
        const penchant = new Penchant({ url: args[0] });
        const mine = { id: "mine", title: "Zyx of mine", categories: ["Drama"] };
        const put = await penchant.putItems([mine]);
        const { items } = await penchant.items({ q: "zyx" });
        const popular = await penchant.popular({ n: 3, window: "30d" });
        const ids = popular.items.map((one) => one.item);
        const ranked = await penchant.rank("bob", ids);
        const events = [{ item: ids[0], type: "rating", value: 8 }];
        const session = await penchant.session(events, { n: 4 });
        const similar = await penchant.similar(ids[0], { n: 2 });
        await penchant.putUser("bob/&?", { city: "Ghent" });
        const bob = await penchant.user("bob/&?");
        const about = await penchant.about();
        await penchant.removeItem("mine");
        const gone = await penchant.item("mine").catch((error) => error.status);
        done({ put, items, ids, ranked, session, similar, bob, about, gone });
        """,
        served,
    )
    assert [one["id"] for one in found["items"]] == ["mine"]
    assert found["put"]["results"][0]["status"] == "created"
    assert {one["item"] for one in found["ranked"]["items"]} == set(found["ids"])
    assert found["session"]["user"] is None
    assert len(found["session"]["items"]) == 4
    assert len(found["similar"]["items"]) == 2
    assert found["bob"]["attributes"] == {"city": "Ghent"}
    assert found["about"]["signals"]["rating"]["weight"] == 1.0
    assert found["gone"] == 404


def test_an_event_whose_answer_was_lost_counts_once(served: str) -> None:
    found = run(
        """
        let lost = 0;
        const flaky = async (...request) => {
          const response = await fetch(...request);
          if (request[1].method === "GET" || lost++ >= 2) return response;
          throw new TypeError("the line dropped");
        };
        const calls = [];
        const onCall = (call) => calls.push(call.status);
        const penchant = new Penchant({ url: args[0], fetch: flaky, onCall });
        const { items } = await penchant.items({ q: "the", limit: 1 });
        const seen = await penchant.observe({ user: "cat", item: items[0].id, type: "view" });
        const { total } = await penchant.history("cat");
        lost = 1;
        const undone = await penchant.undo(seen.results[0].event_id);
        done({ status: seen.results[0].status, total, calls, undone });
        """,
        served,
    )
    assert found["status"] == "duplicate"
    assert found["total"] == 1
    assert found["calls"][:4] == [200, 0, 0, 200]
    assert found["undone"]["undone"] is True


def test_an_event_with_an_empty_id_whose_answer_was_lost_counts_once(served: str) -> None:
    found = run(
        """
        let lost = 0;
        const flaky = async (...request) => {
          const response = await fetch(...request);
          if (request[1].method === "GET" || lost++ >= 1) return response;
          throw new TypeError("the line dropped");
        };
        const penchant = new Penchant({ url: args[0], fetch: flaky });
        const event = { user: "fay", type: "view", item: "x" };
        const empty = await penchant.observe({ ...event, id: "" });
        const zero = await penchant.observe({ ...event, id: 0 });
        const own = await penchant.observe({ ...event, id: "", event_id: "mine" });
        const { total } = await penchant.history("fay");
        done({ total, status: empty.results[0].status,
               ids: [zero, own].map((told) => told.results[0].event_id) });
        """,
        served,
    )
    assert found == {"total": 3, "status": "duplicate", "ids": ["0", "mine"]}


@pytest.mark.parametrize(("status", "undone"), [(429, False), (503, False), (502, True)])
def test_what_was_never_there_is_undone_only_where_an_earlier_try_may_have_done_it(
    served: str, status: int, undone: bool
) -> None:
    found = run(
        """
        const first = new Response("{}", { status: Number(args[1]) });
        const answers = [first];
        const flaky = async (...request) => answers.pop() ?? fetch(...request);
        const penchant = new Penchant({ url: args[0], fetch: flaky });
        done(await penchant.undo("nothing").catch((error) => error.status));
        """,
        served,
        str(status),
    )
    assert found == ({"event_id": "nothing", "undone": True} if undone else 404)


def test_a_refusal_says_what_is_wrong(served: str) -> None:
    found = run(
        """
        const penchant = new Penchant({ url: args[0] });
        try {
          await penchant.recommend("dan", { n: 0 });
        } catch (error) {
          done({ known: error instanceof ProblemError, status: error.status, detail: error.detail,
                 message: error.message, request: error.request_id });
        }
        """,
        served,
    )
    assert found["known"] is True
    assert found["status"] == 422
    assert found["detail"] == found["message"]
    assert "n" in found["detail"]
    assert found["request"]


def test_slates_are_streamed_until_the_user_is_erased(served: str) -> None:
    found = run(
        """
        const penchant = new Penchant({ url: args[0] });
        const { items } = await penchant.items({ q: "the", limit: 1 });
        const told = [];
        for await (const { type, id, data } of penchant.stream("eve", { n: 3 })) {
          told.push({ type, id, items: data?.items?.map((place) => place.item) });
          const event = { user: "eve", item: items[0].id, type: "rating", value: 9 };
          if (told.length === 1) await penchant.observe(event);
          if (told.length === 2) await penchant.forget("eve");
        }
        done(told);
        """,
        served,
    )
    assert [one["type"] for one in found] == ["slate", "slate", "erased"]
    assert found[0]["items"] != found[1]["items"]
    assert int(found[1]["id"]) > int(found[0]["id"])


def test_an_id_that_no_browser_sends_is_refused_before_it_is_sent() -> None:
    found = run(
        """
        const sent = [];
        const answer = { ok: true, json: async () => ({}) };
        const fetch = async (url) => { sent.push(url); return answer; };
        const penchant = new Penchant({ url: "http://x", fetch });
        const told = [];
        for (const id of ["..", ".", "", "...", "a/.."])
          told.push(await penchant.history(id).then(() => "sent", (error) => error.status));
        done({ told, sent: sent.length });
        """
    )
    assert found == {"told": [422, 422, 422, "sent", "sent"], "sent": 2}
