/** One person on the live page: what is known of them, and everything that can be done. */

import { Watched } from "../html.js";
import { journal } from "../calls.js";
import { ProblemError, newId } from "../penchant.js";
import { keep, kept } from "../preferences.js";
import { act, language, problemTitle, quoted, t } from "../language.js";

const PLACES = 10;
const MOMENTS = 60;
const HISTORY = 30;
const TIMES = 40;
const MOVED = 0.0005; // a change of weight that is worth a word
const newGuest = () => `guest-${newId().slice(0, 6)}`;

export class Session extends Watched {
  ready = false;
  facts = { act: "view", scale: 0, trained: true, dismisses: true };
  user = null;
  guest = true;
  slate = null;
  changes = new Map(); // item -> places gained, or "new"
  interests = null;
  moves = new Map(); // topic -> change of weight by the last event
  timeline = null;
  history = null;
  total = 0;
  n = PLACES;
  options = { repeats: true, diversity: 0, category: [] };
  times = []; // {ms, post, get}
  pushed = false;
  replay = null;
  notice = null; // {kind, text, detail, retry}
  receipt = null;
  #order = Promise.resolve();
  #acting = 0;
  #late = null; // the slate pushed while something was done here
  #reader = null;
  #visit = 0;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.#seen()); // browsers keep six lines to a server
  }

  // ---- who ---------------------------------------------------------------------------------

  /** Learn what this log is about, then show the person of the address, or this browser's guest. */
  async open() {
    await this.attempt(async () => {
      const api = journal.client(() => t("opening"));
      const [about, overview] = await Promise.all([api.about(), api.overview()]);
      const facts = factsOf(about, overview, await highestRating(api, overview));
      this.set({ facts, options: this.user ? this.options : { ...this.options, repeats: facts.act !== "rating" } });
      const asked = new URLSearchParams(location.search).get("user");
      await (this.user ? this.become(this.user, this.guest) : this.become(asked || kept("guest") || newGuest(), !asked));
    }, () => this.open());
  }

  /** Show `user` from now on. */
  async become(user, guest = false) {
    if (this.replay && user !== this.user) this.stopReplay();
    if (guest) keep("guest", user);
    const visit = (this.#visit += 1);
    const other = user !== this.user;
    this.set({ user, guest, changes: new Map(), moves: new Map(), n: PLACES, pushed: false, receipt: null, ready: false });
    const known = await this.attempt(() => this.#reread(journal.client(() => t("showing", { user }))), () => this.become(user, guest));
    if (visit !== this.#visit) return;
    if (!known && other) this.set({ slate: null, interests: null, timeline: null, history: null, total: 0 });
    this.set({ ready: true });
    this.listen();
  }

  newGuest() {
    return this.become(newGuest(), true);
  }

  // ---- what can be done --------------------------------------------------------------------

  /** An event of this person: it is stored, and the slate that knows it is shown. */
  act(type, item, { value, title = item, id = newId() } = {}) {
    const began = performance.now();
    const name = () => (value === undefined ? t("actOn", { act: act(type), title }) : `${t("rated", { value })} · ${quoted(title)}`);
    const event = { user: this.user, item, type, value, id };
    const doing = (number) => this.#observe(event, name, number);
    const again = () => this.#inOrder(() => this.attempt(() => doing(performance.now()), again, true));
    return this.#inOrder(() => this.attempt(() => doing(began), again, true));
  }

  async #observe(event, name, began) {
    const api = journal.client(name);
    const sent = performance.now();
    const answer = await api.observe(event);
    const [result] = answer.results;
    if (result.status === "rejected") throw new ProblemError(422, { detail: result.error });
    const stored = performance.now();
    const slate = await this.#slate(api, { after: answer.cursor });
    const seen = performance.now();
    const took = { ms: seen - began, post: stored - sent, get: seen - stored };
    this.#show(slate, event.user, { times: [...this.times, took].slice(-TIMES), pushed: false });
    await this.#rest(api);
    return true;
  }

  /** Take one event back, as if it had never been seen. */
  undo(event, name) {
    return this.#inOrder(() =>
      this.attempt(async () => {
        const api = journal.client(() => t("undoTitle", { what: name }));
        await api.undo(event);
        this.#show(await this.#slate(api), this.user, { pushed: false });
        await this.#rest(api);
        this.tell("good", t("undone"));
      }, () => this.undo(event, name)),
    );
  }

  /** Erase this person; the receipt is kept for the dialog. */
  forget() {
    const { user } = this;
    return this.#inOrder(() =>
      this.attempt(async () => {
        this.#reader?.abort();
        const api = journal.client(() => t("forgetting", { user }));
        const receipt = await api.forget(user);
        this.set({ receipt, notice: null, changes: new Map(), moves: new Map(), times: [], n: PLACES, slate: null, interests: [], timeline: null, history: [], total: 0 });
        await this.#reread(api);
        this.listen();
      }, () => this.forget()),
    );
  }

  /** Change how slates are made: `repeats`, `diversity`, `category`. */
  choose(options) {
    this.set({ options: { ...this.options, ...options }, n: PLACES });
    return this.attempt(async () => {
      this.#show(await this.#slate(journal.client(() => t("options_"))), this.user, { changes: new Map() });
      this.listen();
    }, () => this.choose(options));
  }

  /** The page after what is shown. */
  more() {
    return this.attempt(async () => {
      const api = journal.client(() => t("moreOf"));
      const { user, slate } = this;
      const page = await api.recommend(user, { ...this.#query(), n: PLACES, next: slate.next });
      if (this.slate !== slate) return;
      const items = [...slate.items, ...page.items];
      this.set({ slate: { ...slate, items, next: page.next }, n: items.length });
    }, () => this.more());
  }

  /** The shown slate with reasons, each checked by taking events away. */
  async reasons(title) {
    const api = journal.client(() => t("explaining", { title }));
    return api.recommend(this.user, { ...this.#query(), n: this.n, reasons: true, lang: language() });
  }

  async olderHistory() {
    await this.attempt(async () => {
      const { user, history } = this;
      const page = await journal.client(() => t("older")).history(user, { limit: HISTORY, offset: history.length });
      if (this.history === history) this.set({ history: [...history, ...page.events], total: page.total });
    }, () => this.olderHistory());
  }

  // ---- replay ------------------------------------------------------------------------------

  /** A real user's past, event after event, as new events of a fresh guest. */
  async startReplay(source) {
    await this.attempt(async () => {
      const api = journal.client(() => t("replayThemLong", { user: source }));
      const past = [];
      for (let total = 1; past.length < total; ) {
        const page = await api.history(source, { limit: 100, offset: past.length });
        past.push(...page.events);
        total = page.events.length ? page.total : 0;
      }
      const events = past.reverse().filter((event) => event.item).map((event) => ({ ...event, id: newId() }));
      await this.newGuest();
      const run = { source, events, done: 0, total: events.length, playing: true, perSecond: this.replaySpeed ?? 2, title: "" };
      this.set({ replay: run });
      this.#play(run);
    }, () => this.startReplay(source));
  }

  replayAt(perSecond) {
    this.replaySpeed = perSecond;
    if (this.replay) this.#replaySet(this.replay, { perSecond });
  }

  pauseReplay(playing) {
    this.#replaySet(this.replay, { playing });
    if (playing && this.notice?.kept) this.set({ notice: null }); // what failed is sent again
    if (playing) this.#play(this.replay);
  }

  stopReplay() {
    this.set({ replay: null });
  }

  #replaySet(run, changes) {
    Object.assign(run, changes);
    if (this.replay === run) this.set({ replay: run });
  }

  async #play(run) {
    if (run.going) return; // one loop, however often it is paused
    run.going = true;
    while (this.replay === run && run.playing && run.done < run.total) {
      const began = performance.now();
      const { item, type, value, title, id } = run.events[run.done];
      this.#replaySet(run, { title: title ?? item });
      const done = await this.act(type, item, { value: value ?? undefined, title: title ?? item, id });
      this.#replaySet(run, done ? { done: run.done + 1 } : { playing: false });
      if (!done) break;
      if (run.perSecond) await new Promise((go) => setTimeout(go, Math.max(0, 1000 / run.perSecond - (performance.now() - began))));
    }
    run.going = false;
    if (run.done === run.total) this.#replaySet(run, { playing: false });
  }

  // ---- what comes by itself ----------------------------------------------------------------

  /** Follow what others do to this person: new slates are pushed. */
  async listen() {
    this.#reader?.abort();
    if (document.hidden) return; // begins when somebody sees the page
    const reader = (this.#reader = new AbortController());
    const { user } = this;
    const silent = journal.client(() => t("pushing"));
    try {
      for await (const { type, data } of silent.stream(user, { ...this.#query(), n: PLACES, signal: reader.signal })) {
        if (reader.signal.aborted) return;
        if (type === "erased") {
          this.tell("plain", t("elsewhereErased"));
          return this.become(user, this.guest);
        }
        if (type !== "slate") continue;
        if (this.#acting) this.#late = data;
        else if (this.#differs(data)) this.#catchUp(user);
      }
    } catch {
      // without a stream the page still moves with its own actions
    }
  }

  /** A page that nobody sees lets its line go; one that is seen again reads what it missed. */
  #seen() {
    if (document.hidden) this.#reader?.abort();
    else if (this.ready) {
      this.#catchUp(this.user);
      this.listen();
    }
  }

  #differs(slate) {
    const shown = this.slate?.items.slice(0, slate.items.length).map((place) => place.item);
    return slate.state_cursor !== this.slate?.state_cursor || slate.items.map((place) => place.item).join() !== shown?.join();
  }

  /** Read anew after somebody else moved this person. */
  #catchUp(user) {
    return this.#inOrder(async () => {
      if (this.user !== user) return;
      const api = journal.client(() => t("pushing"));
      this.#show(await this.#slate(api), user, { pushed: true });
      await this.#rest(api);
    }).catch(() => {});
  }

  // ---- reading -----------------------------------------------------------------------------

  #query() {
    const { repeats, diversity, category } = this.options;
    return { repeats, diversity: diversity || undefined, category };
  }

  #slate(api, more = {}) {
    return api.recommend(this.user, { n: this.n, ...this.#query(), ...more });
  }

  async #reread(api) {
    const visit = this.#visit;
    const slate = await this.#slate(api);
    if (visit !== this.#visit) return;
    this.#show(slate, this.user, { changes: new Map() });
    await this.#rest(api, true);
    return true;
  }

  /** Interests, their timeline and the history, after the slate. */
  async #rest(api, first = false) {
    const { user } = this;
    const { interests, now_s } = await api.interests(user);
    if (this.user !== user) return;
    const before = new Map(this.interests?.map((one) => [one.topic, one.weight]));
    const changed = interests.map((one) => [one.topic, one.weight - (before.get(one.topic) ?? 0)]).filter(([, by]) => Math.abs(by) > MOVED);
    this.set({ interests, now_s, moves: first ? new Map() : new Map(changed) });
    const [timeline, page] = await Promise.all([api.timeline(user, { limit: MOMENTS }), api.history(user, { limit: Math.max(HISTORY, Math.min(this.history?.length ?? 0, 100)) })]);
    if (this.user === user) this.set({ timeline, history: page.events, total: page.total });
  }

  /** Put a slate on the page, with what it changed against the one before. */
  #show(slate, user, more) {
    if (user !== this.user) return;
    const before = new Map(this.slate?.items.map((place, rank) => [place.item, rank]));
    const gained = slate.items.map((place, rank) => [place.item, before.has(place.item) ? before.get(place.item) - rank : "new"]);
    this.set({ slate, changes: new Map(gained.filter(([, by]) => by !== 0)), ...more });
  }

  // ---- order and mistakes ------------------------------------------------------------------

  /** One after the other, as they were clicked. */
  #inOrder(job) {
    this.#acting += 1;
    const run = this.#order.then(job).finally(() => {
      this.#acting -= 1;
      const late = this.#late;
      if (this.#acting || !late) return;
      this.#late = null;
      if (late.user === this.user && Number(late.state_cursor) > Number(this.slate?.state_cursor)) this.#catchUp(this.user);
    });
    this.#order = run.catch(() => {});
    return run;
  }

  /** Do `job`; what goes wrong is told in place, with a way to try again. */
  async attempt(job, retry, kept = false) {
    try {
      if (this.notice?.kind === "bad" && !this.notice.kept) this.set({ notice: null });
      return await job();
    } catch (error) {
      if (error.status === 401) {
        journal.set({ locked: true });
        if (!journal.key) return undefined; // the field that asks for a key says it
      }
      const lost = this.notice?.kept ? this.notice.retry : null; // an event that is still to be sent
      const problem = error instanceof ProblemError ? error.problem : {};
      this.set({ notice: { kind: "bad", text: problemTitle(problem.type?.split("#")[1], problem.title) ?? t("failed"), detail: problem.detail ?? (error instanceof TypeError || error.name === "TimeoutError" ? t("unreachable") : error.message), request: problem.request_id, kept: kept || lost !== null, retry: lost && kept ? () => (lost(), retry()) : (lost ?? retry) } });
      return undefined;
    }
  }

  tell(kind, text) {
    this.set({ notice: { kind, text } });
  }
}

/** The highest rating of the log, or of its most active user while no report is there; 0: none. */
async function highestRating(api, overview) {
  const reported = overview.quality?.values?.rating?.quantiles;
  if (reported || !overview.facts.types?.rating) return Math.max(0, ...Object.values(reported ?? {}));
  const [first] = (await api.users({ limit: 1 })).users;
  const { events } = first ? await api.history(first.user, { limit: 100 }) : { events: [] };
  return Math.max(0, ...events.map((event) => (event.type === "rating" ? (event.value ?? 0) : 0)));
}

/** What the log is about: the type of an act, the scale of ratings, the words to use. */
function factsOf(about, overview, highest) {
  const counts = Object.entries(overview.facts.types ?? {}).filter(([type]) => (about.signals[type]?.weight ?? 0) > 0);
  const [most = "view"] = counts.sort(([, a], [, b]) => b - a)[0] ?? [];
  const scale = !highest ? 0 : highest <= 5 ? 5 : highest <= 10 ? 10 : 0;
  return { act: most, scale, trained: about.artifact !== null, dismisses: Boolean(about.signals.dismiss) };
}
