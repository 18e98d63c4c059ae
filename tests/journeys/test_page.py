"""The live page in a real browser: both languages, both themes, a phone, the keyboard alone."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIETLY: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
OUTPUT: Final = Path(__file__).parents[1] / "output" / "page"
PHONE: Final = (390, 844)
DESK: Final = (1440, 1000)
FILM: Final = {"en": "Watch", "zh": "看过"}

pytestmark = [pytest.mark.slow]


@contextmanager
def serving(db: Path) -> Iterator[str]:
    """Address of `penchant serve` on `db`."""
    command = ["serve", "--db", str(db), "--port", "0", "--clock", "log", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "penchant", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield url
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def served(trained_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server with a trained database of its own."""
    folder = tmp_path_factory.mktemp("page") / "films"
    shutil.copytree(trained_once, folder)
    with serving(folder / "films.db") as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
        yield browser
        browser.close()


class Visit:
    """A reader's window, and everything that went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.wrong: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(20_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: (
                self.wrong.append(f"{said.type}: {said.text}")
                if said.type in ("error", "warning")
                else None
            ),
        )

    def open(self, path: str = "/") -> "Visit":
        self.page.goto(self.url + path)
        expect(self.cards.first).to_be_visible()
        expect(self.the("history")).to_contain_text(" ")
        return self

    def the(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    @property
    def cards(self) -> Locator:
        return self.the("slate-card")

    def slate(self) -> list[str]:
        """Items in order, with the source of each."""
        return [
            f"{card.get_attribute('data-item')} {card.get_by_test_id('source').inner_text()}"
            for card in self.cards.all()
        ]

    def user(self) -> str:
        return self.the("user").inner_text()

    def search(self, words: str) -> Locator:
        """The first result for `words`."""
        self.the("search").fill(words)
        found = self.the("result").first
        expect(found).to_contain_text(words.split()[0], ignore_case=True)
        return found

    def shot(self, name: str) -> None:
        self.page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)

    def is_clean(self) -> None:
        """Nothing left the host, nothing was reported."""
        here = urlsplit(self.url).netloc
        strangers = [url for url in self.requests if urlsplit(url).netloc != here]
        assert strangers == []
        assert self.wrong == []


Opens = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, served: str) -> Iterator[Opens]:
    """Opens a window: language, size and theme of its reader; it must be clean at the end."""
    contexts = []
    visits = []

    def opened(
        lang: str = "en", size: tuple[int, int] = DESK, dark: bool = False, url: str = served
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN" if lang == "zh" else "en-GB",
            color_scheme="dark" if dark else "light",
            has_touch=size == PHONE,
            reduced_motion="reduce",
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served)
        contexts.append(context)
        visits.append(Visit(context.new_page(), url))
        return visits[-1]

    yield opened
    for context in contexts:
        context.close()
    for one in visits:
        one.is_clean()


def call(url: str, method: str = "GET", body: Any = None) -> Any:
    """Straight to the API, past the page."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


LOOKS = [("en", DESK, False), ("zh", DESK, True), ("en", PHONE, True), ("zh", PHONE, False)]


@pytest.mark.parametrize(("lang", "size", "dark"), LOOKS)
def test_a_stranger_searches_acts_asks_why_takes_back_and_is_forgotten(
    visit: Opens, lang: str, size: tuple[int, int], dark: bool
) -> None:
    look = f"{lang}-{'phone' if size == PHONE else 'desk'}-{'dark' if dark else 'light'}"
    here = visit(lang, size, dark).open()
    assert here.user().startswith("guest-")
    expect(here.the("interest")).to_have_count(0)
    stranger = here.slate()
    assert len(stranger) == 10
    here.shot(f"1-stranger-{look}")

    result = here.search("star trek")
    expect(result.get_by_test_id("act-watch")).to_contain_text(FILM[lang])
    result.get_by_test_id("act-watch").click()
    expect(here.the("event")).to_have_count(1)
    expect(here.the("interest").first).to_be_visible()
    expect(here.the("interest-move").first).to_contain_text("+")
    expect(here.the("speed")).to_contain_text("ms")
    moved = here.slate()
    assert moved != stranger
    expect(here.the("change").first).to_be_visible()

    weights = here.the("interest").first.locator(".weight").inner_text()
    card = here.cards.nth(2)
    chosen = card.get_attribute("data-item")
    card.get_by_test_id("rate").click()
    here.shot(f"2-rating-{look}")
    card.get_by_test_id("rate-value").nth(8).click()
    expect(here.the("event")).to_have_count(2)
    assert chosen not in [line.split()[0] for line in here.slate()]
    assert here.the("interest").first.locator(".weight").inner_text() != weights
    expect(here.the("timeline-chart")).to_be_visible()

    here.the("search").fill("")
    here.the("interest").first.locator("summary").click()
    here.cards.first.get_by_test_id("why").click()
    expect(here.the("reason").first).not_to_be_empty()
    here.shot(f"3-moved-{look}")
    says = here.the("reason").first.inner_text()
    assert ("因" in says or "事件" in says) == (lang == "zh")

    before = here.slate()
    here.cards.nth(4).get_by_test_id("act-dismiss").click()
    expect(here.the("event")).to_have_count(3)
    assert here.slate() != before
    here.the("undo").first.click()
    expect(here.the("event")).to_have_count(2)
    assert here.slate() == before
    here.the("undo").first.click()
    expect(here.the("event")).to_have_count(1)
    assert here.slate() == moved
    here.the("undo").first.click()
    expect(here.the("event")).to_have_count(0)
    assert here.slate() == stranger
    expect(here.the("interest")).to_have_count(0)

    here.cards.nth(1).get_by_test_id("act-watch").click()
    expect(here.the("event")).to_have_count(1)
    here.the("forget").click()
    expect(here.the("forget-dialog")).to_contain_text(here.user())
    here.the("forget-confirm").click()
    expect(here.the("receipt")).to_contain_text("1")
    here.shot(f"4-forgotten-{look}")
    here.the("forget-done").click()
    expect(here.the("event")).to_have_count(0)
    expect(here.the("interest")).to_have_count(0)
    assert here.slate() == stranger
    assert call(f"{here.url}/users/{here.user()}/history")["total"] == 0


def test_the_keyboard_alone_is_enough(visit: Opens) -> None:
    here = visit().open()
    keys = here.page.keyboard

    def tab_to(testid: str) -> Locator:
        for _ in range(120):
            keys.press("Tab")
            if here.page.evaluate("document.activeElement.dataset.testid") == testid:
                return here.page.locator(":focus")
        raise AssertionError(f"Tab never reaches {testid}")

    outline = tab_to("search").evaluate("box => getComputedStyle(box).outlineStyle")
    assert outline != "none"
    keys.type("star")
    expect(here.the("result").nth(1)).to_be_visible()
    focused = here.page.locator(":focus")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowRight"):
        keys.press(key)
    expect(focused).to_have_attribute("data-testid", "rate")
    keys.press("Enter")
    expect(focused).to_have_text("7")
    keys.press("ArrowRight")
    keys.press("Enter")
    expect(here.the("event")).to_have_count(1)
    expect(here.the("event")).to_contain_text("8")
    slate = here.slate()

    here.the("search").focus()
    tab_to("act-watch")
    keys.press("Enter")
    expect(here.the("event")).to_have_count(2)
    expect(focused).to_have_attribute("data-testid", "act-watch")
    tab_to("timeline-chart-frame")
    keys.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-valuenow", "2")
    tab_to("why")
    keys.press("Enter")
    expect(here.the("reason").first).to_be_visible()
    tab_to("undo")
    keys.press("Space")
    expect(here.the("event")).to_have_count(1)
    expect(focused).to_have_attribute("data-testid", "undo")
    assert here.slate() == slate
    here.the("search").focus()
    tab_to("forget")
    keys.press("Enter")
    expect(here.the("forget-dialog")).to_be_visible()
    keys.press("Escape")
    expect(here.the("forget-dialog")).to_be_hidden()
    expect(here.the("forget")).to_be_focused()
    keys.press("Enter")
    tab_to("forget-confirm")
    keys.press("Enter")
    expect(here.the("receipt")).to_be_visible()
    keys.press("Escape")
    expect(here.the("event")).to_have_count(0)


def test_language_and_theme_are_chosen_and_kept(visit: Opens) -> None:
    here = visit().open()
    body, ground = here.page.locator("body"), "getComputedStyle(document.body).backgroundColor"
    light = here.page.evaluate(ground)
    expect(here.page.locator("html")).to_have_attribute("lang", "en")
    here.the("lang").click()
    expect(here.page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(here.the("slate")).to_contain_text("推荐")
    here.the("theme").click()
    expect(body).not_to_have_css("background-color", light)
    dark = here.page.evaluate(ground)
    here.open()
    expect(here.page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(body).to_have_css("background-color", dark)
    here.the("theme").click()
    expect(body).to_have_css("background-color", light)
    here.open("/?lang=en")
    expect(here.the("slate")).to_contain_text("Slate")
    asked = visit("en").open("/?lang=zh")
    expect(asked.the("history")).to_contain_text("历史")


def test_a_real_users_history_is_replayed_into_a_stranger(visit: Opens) -> None:
    here = visit().open()
    real = call(f"{here.url}/users?limit=1")["users"][0]
    first = here.user()
    here.the("choose-person").click()
    expect(here.the("person-option").first).to_contain_text(real["user"])
    here.shot("5-choose")
    here.the("replay").first.click()
    expect(here.the("replay-panel")).to_be_visible()
    expect(here.the("event").nth(1)).to_be_visible()
    here.the("replay-pause").click()
    here.page.wait_for_timeout(700)
    count = here.the("event").count()
    here.page.wait_for_timeout(700)
    assert here.the("event").count() == count
    here.page.get_by_role("radio", name="full").check()
    for _ in range(5):
        here.the("replay-pause").click()
    expect(here.the("event").nth(12)).to_be_visible(timeout=30_000)
    here.shot("6-replay")
    here.the("replay-stop").click()
    expect(here.the("replay-panel")).to_be_hidden()
    assert here.user() not in (first, real["user"])
    assert call(f"{here.url}/users?limit=1")["users"][0] == real
    past = call(f"{here.url}/users/{real['user']}/history?limit=1000")["events"][::-1]
    copied = call(f"{here.url}/users/{here.user()}/history?limit=1000")["events"][::-1]
    assert [one["item"] for one in copied] == [one["item"] for one in past][: len(copied)]

    here.the("choose-person").click()
    here.the("person-search").fill(real["user"])
    here.the("person-option").first.click()
    expect(here.the("person")).to_contain_text(f"{real['events']} events")
    expect(here.the("user")).to_have_text(real["user"])
    here.shot("7-real-user")


def test_the_page_moves_when_somebody_else_moves_the_person(visit: Opens) -> None:
    here = visit().open()
    before = here.slate()
    item = call(f"{here.url}/items?q=the&limit=1")["items"][0]
    event = {"user": here.user(), "item": item["id"], "type": "rating", "value": 9}
    call(f"{here.url}/events", "POST", event)
    expect(here.the("event")).to_have_count(1)
    expect(here.the("pushed")).to_be_visible()
    assert here.slate() != before
    call(f"{here.url}/users/{here.user()}", "DELETE")
    expect(here.the("event")).to_have_count(0)
    expect(here.the("toast")).to_contain_text("erased")


def test_each_call_is_shown_and_can_be_copied(visit: Opens) -> None:
    here = visit().open()
    here.cards.first.get_by_test_id("act-watch").click()
    expect(here.the("event")).to_have_count(1)
    here.the("calls-open").click()
    posted = here.the("call").filter(has_text="POST").first
    expect(posted).to_contain_text("/events")
    posted.locator("summary").click()
    here.shot("8-calls")
    copied = {}
    for form in ("curl", "python", "javascript"):
        posted.get_by_test_id(f"copy-{form}").click()
        copied[form] = here.page.evaluate("navigator.clipboard.readText()")
    assert here.user() in copied["curl"]
    run = subprocess.run(copied["curl"], shell=True, capture_output=True, check=True)
    assert json.loads(run.stdout)["results"][0]["status"] == "duplicate"
    run = subprocess.run(
        [sys.executable, "-c", copied["python"]], capture_output=True, text=True, check=True
    )
    assert "duplicate" in run.stdout
    here.page.keyboard.press("Escape")
    expect(here.the("calls")).to_be_hidden()


def test_what_fails_is_said_in_place_and_can_be_tried_again(visit: Opens) -> None:
    here = visit().open()
    before = here.slate()
    here.page.route("**/events", lambda route: route.abort())
    here.cards.first.get_by_test_id("act-watch").click()
    expect(here.the("offline")).to_be_visible()
    expect(here.the("toast")).to_be_visible()
    here.shot("9-offline")
    assert here.slate() == before
    here.page.unroute("**/events")
    here.the("retry").click()
    expect(here.the("event")).to_have_count(1)
    expect(here.the("offline")).to_be_hidden()
    assert all("ERR_FAILED" in said for said in here.wrong)
    here.wrong.clear()


def test_an_event_that_failed_waits_until_it_is_sent_whatever_is_done_meanwhile(
    visit: Opens,
) -> None:
    here = visit().open()
    here.page.route("**/events", lambda route: route.abort())
    here.cards.nth(0).get_by_test_id("act-watch").click()
    expect(here.the("retry")).to_be_visible()
    here.page.unroute("**/events")
    here.cards.nth(1).get_by_test_id("act-watch").click()
    expect(here.the("event")).to_have_count(1)
    here.the("retry").click()
    expect(here.the("event")).to_have_count(2)
    expect(here.the("toast")).to_have_count(0)
    assert all("ERR_FAILED" in said for said in here.wrong)
    here.wrong.clear()


def test_a_line_that_drops_leaves_the_person_who_was_shown(visit: Opens) -> None:
    here = visit().open()
    user = call(f"{here.url}/users?limit=1")["users"][0]["user"]
    here.the("choose-person").click()
    here.the("person-search").fill(user)
    here.the("person-option").first.click()
    expect(here.the("user")).to_have_text(user)
    here.page.route("**/items*", lambda route: route.abort())
    here.the("search").fill("star")
    expect(here.the("offline")).to_be_visible()
    here.page.unroute("**/items*")
    expect(here.the("offline")).to_be_hidden()
    expect(here.cards).to_have_count(10)
    assert here.user() == user
    assert all("ERR_FAILED" in said for said in here.wrong)
    here.wrong.clear()


def test_a_page_that_nobody_sees_lets_its_line_go(visit: Opens) -> None:
    here = visit().open()

    def turned(hidden: bool) -> None:
        here.page.evaluate(
            """hidden => {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    def streams() -> float:
        with urllib.request.urlopen(f"{here.url}/metrics", timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(one.split()[1]) for one in lines if one.startswith("penchant_streams "))

    def comes_to(wanted: float) -> bool:
        return any(streams() == wanted or here.page.wait_for_timeout(200) for _ in range(50))

    assert comes_to(1.0)
    turned(hidden=True)
    assert comes_to(0.0)
    event = {"user": here.user(), "item": call(f"{here.url}/items?q=the&limit=1")["items"][0]["id"]}
    call(f"{here.url}/events", "POST", event | {"type": "rating", "value": 4.5})
    turned(hidden=False)
    expect(here.the("event")).to_contain_text("4.5")
    assert comes_to(1.0)


def test_genres_are_translated_as_whole_words(visit: Opens) -> None:
    here = visit("zh").open()
    labels = here.page.evaluate(
        """async names => {
            const { label } = await import("./static/language.js");
            return names.map(label);
        }""",
        ["Sportswear", "Warm clothing", "Shorts & Trousers", "Drama, Sci-Fi: star"],
    )
    assert labels[:3] == ["Sportswear", "Warm clothing", "Shorts & Trousers"]
    assert "Drama" not in labels[3]
    assert labels[3].endswith(": star")


def test_where_keys_are_needed_the_page_asks_for_one(
    visit: Opens, trained: Callable[[], Path]
) -> None:
    db = trained()
    add = [sys.executable, "-m", "penchant", "keys", "add", "--db", str(db), "--json"]
    keys = {}
    for role in ("admin", "read"):
        made = subprocess.run([*add, role, "--role", role], capture_output=True, check=True)
        keys[role] = json.loads(made.stdout)["key"]
    with serving(db) as url:
        here = visit(url=url)
        here.page.goto(url)
        asks = here.the("key")
        expect(asks).to_be_visible()
        expect(here.the("toast")).to_have_count(0)
        here.shot("11-key")
        asks.locator("input").fill("pk_page_wrong")
        asks.locator("button").click()
        expect(here.the("toast")).to_be_visible()
        asks.locator("input").fill(f"pk\uff3f{keys['read']}")  # as an input method may write it
        asks.locator("button").click()
        expect(asks).to_be_visible()
        expect(here.the("offline")).to_have_count(0)
        asks.locator("input").fill(keys["read"])
        asks.locator("button").click()
        expect(here.cards).to_have_count(10)
        expect(asks).to_have_count(0)
        here.cards.first.get_by_test_id("act-watch").click()
        expect(here.the("toast")).to_contain_text("role read")
        asks.locator("input").fill(keys["admin"])
        asks.locator("button").click()
        expect(asks).to_have_count(0)
        here.the("retry").click()
        expect(here.the("event")).to_have_count(1)
        here.page.close()

        other = visit("zh", url=url)
        other.page.goto(f"{url}/#/overview")
        other.the("key").locator("input").fill(keys["admin"])
        other.the("key").locator("button").click()
        expect(other.the("artifact")).to_be_visible()
        other.page.close()
    assert all("401" in said or "403" in said for said in here.wrong + other.wrong)
    other.wrong.clear()
    here.wrong.clear()


def test_filters_variety_and_pages_of_the_slate(visit: Opens) -> None:
    here = visit().open()
    items = [line.split()[0] for line in here.slate()]
    here.the("more").click()
    expect(here.cards).to_have_count(20)
    longer = [line.split()[0] for line in here.slate()]
    assert longer[:10] == items
    assert len(set(longer)) == 20
    chip = here.cards.first.locator(".chip").first
    category = chip.inner_text()
    chip.click()
    expect(here.the("filter")).to_have_text(category)
    expect(here.cards).to_have_count(10)
    for card in here.cards.all():
        expect(card).to_contain_text(category)
    here.the("filter").click()
    expect(here.cards.first).to_have_attribute("data-item", items[0])
    here.the("options").click()
    here.the("diversity").fill("1")
    expect(here.page.locator("output")).to_have_text("100%")


def test_the_overview_shows_service_log_model_and_quality(visit: Opens) -> None:
    here = visit().open()
    for number in range(4):
        here.cards.nth(number).get_by_test_id("act-watch").click()
        expect(here.the("event")).to_have_count(number + 1)
    here.the("nav-overview").click()
    expect(here.the("freshness")).to_contain_text("ms")
    expect(here.the("freshness")).to_contain_text("20")
    expect(here.the("events-rate").locator("polyline")).to_be_visible()
    expect(here.the("artifact")).to_contain_text("NDCG@10")
    expect(here.the("losses")).to_be_visible()
    expect(here.the("quality")).to_contain_text("Completeness")
    here.page.wait_for_timeout(2500)
    here.shot("10-overview-en-desk-light")
    for lang, size, dark in LOOKS[1:]:
        other = visit(lang, size, dark)
        other.page.goto(f"{other.url}/#/overview")
        expect(other.the("artifact")).to_be_visible()
        expect(other.the("quality")).to_be_visible()
        assert other.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        name = f"{lang}-{'phone' if size == PHONE else 'desk'}-{'dark' if dark else 'light'}"
        other.shot(f"10-overview-{name}")


CONTROLS = {
    "button",
    "link",
    "textbox",
    "searchbox",
    "checkbox",
    "radio",
    "slider",
    "combobox",
    "progressbar",
    "region",
}
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(one).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.querySelector("#page"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    const shown = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!text || !shown || element.closest(".unseen, :disabled, svg, option")) continue;
    const [one, other] = [light(parse(style.color)), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${text.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
SMALL = """() => [...document.querySelectorAll("button, a, input, summary")]
  .filter((one) => one.checkVisibility() && !one.closest(".unseen, .skip") && one.type !== "radio"
    && one.type !== "checkbox")
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
TWICE = """() => [...document.querySelectorAll("[id]")].map((one) => one.id)
  .filter((id, at, all) => all.indexOf(id) !== at)"""
LOST = """() => ["aria-labelledby", "aria-describedby", "for"].flatMap((name) =>
  [...document.querySelectorAll(`[${name}]`)].flatMap((one) => one.getAttribute(name).split(" ")))
  .filter((id) => !document.getElementById(id))"""


@pytest.mark.parametrize(("lang", "size", "dark"), LOOKS)
def test_every_control_has_a_name_enough_contrast_and_enough_room(
    visit: Opens, lang: str, size: tuple[int, int], dark: bool
) -> None:
    here = visit(lang, size, dark).open()
    for words in ("star trek", "iron man"):
        here.search(words).get_by_test_id("rate").click()
        here.the("rate-value").first.click()
        here.page.wait_for_timeout(300)
    expect(here.the("event")).to_have_count(2)
    here.cards.first.get_by_test_id("why").click()
    expect(here.the("reason").first).to_be_visible()
    here.the("choose-person").click()
    here.the("options").click()
    here.the("interest").first.locator("summary").click()
    pages = ["live", "overview"]
    for name in pages:
        here.the(f"nav-{name}").click()
        here.page.wait_for_timeout(1200)
        tree = here.page.context.new_cdp_session(here.page).send("Accessibility.getFullAXTree")
        nameless = [
            node
            for node in tree["nodes"]
            if not node.get("ignored")
            and node.get("role", {}).get("value") in CONTROLS
            and not node.get("name", {}).get("value", "").strip()
        ]
        assert nameless == []
        heads = [
            int(one.evaluate("h => h.tagName[1]")) for one in here.page.locator("h1,h2,h3,h4").all()
        ]
        assert heads[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(heads))
        assert here.page.locator("main").count() == 1
        assert here.page.evaluate(CONTRAST) == []
        assert here.page.evaluate(SMALL) == []
        assert here.page.evaluate(TWICE) == []
        assert here.page.evaluate(LOST) == []
        assert here.page.evaluate("document.documentElement.scrollWidth") <= size[0]
