/** Penchant from JavaScript, in a browser or Node 18 and later; depends on nothing.
 *
 *   const penchant = new Penchant({ url: "http://127.0.0.1:8420" });
 *   const seen = await penchant.observe({ user: "u1", item: "heat", type: "view" });
 *   const slate = await penchant.recommend("u1", { n: 5, after: seen.cursor });
 *
 * Every call is tried again when the network or the server fails; an event keeps its id, so that
 * it counts once however often it is sent. */

const RETRIED = new Set([408, 429, 500, 502, 503, 504]);
/** Those of a proxy that does not know what became of the request. */
const BETWEEN = new Set([502, 504]);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const path = (...parts) => "/" + parts.map(encodeURIComponent).join("/");

/** What the server refused, and why: `status`, `title`, `detail`, `request_id` (RFC 9457). */
export class ProblemError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    Object.assign(this, problem, { name: "ProblemError", status, problem });
  }
}

/** 32 hexadecimal digits by chance: an event's id. */
export function newId() {
  const bytes = globalThis.crypto?.getRandomValues(new Uint8Array(16)) ?? Array.from({ length: 16 }, () => Math.random() * 256);
  return Array.from(bytes, (byte) => Math.floor(byte).toString(16).padStart(2, "0")).join("");
}

export class Penchant {
  /** `onCall` is told every request and what came of it; `tries` counts the first one too. */
  constructor({ url = "", key = null, tries = 4, timeoutMs = 10_000, fetch = globalThis.fetch, onCall = () => {} } = {}) {
    Object.assign(this, { url: url.replace(/\/+$/, ""), key, tries, timeoutMs, onCall });
    this.fetch = (...args) => fetch(...args);
  }

  /** One event, or an array of them: `{results: [{event_id, status, error}], cursor}`. */
  observe(events) {
    const given = (event) => [event.id, event.event_id].find((id) => id || id === 0);
    const known = (event) => ({ ...event, id: given(event) ?? newId() });
    return this.call("POST", "/events", { body: Array.isArray(events) ? events.map(known) : known(events) });
  }
  undo(event) { return this.call("DELETE", path("events", event)); }

  recommend(user, query = {}) { return this.call("GET", path("users", user, "recommendations"), { query }); }
  rank(user, items, options = {}) { return this.call("POST", "/rank", { body: { user, items, ...options } }); }
  session(events, options = {}) { return this.call("POST", "/session/recommendations", { body: { events, ...options } }); }
  popular(query = {}) { return this.call("GET", "/popular", { query }); }

  user(user) { return this.call("GET", path("users", user)); }
  users(query = {}) { return this.call("GET", "/users", { query }); }
  putUser(user, attributes) { return this.call("PUT", path("users", user), { body: { attributes } }); }
  interests(user) { return this.call("GET", path("users", user, "interests")); }
  timeline(user, query = {}) { return this.call("GET", path("users", user, "interests", "timeline"), { query }); }
  history(user, query = {}) { return this.call("GET", path("users", user, "history"), { query }); }
  export(user) { return this.call("GET", path("users", user, "export")); }
  forget(user) { return this.call("DELETE", path("users", user)); }

  items(query = {}) { return this.call("GET", "/items", { query }); }
  item(item) { return this.call("GET", path("items", item)); }
  similar(item, query = {}) { return this.call("GET", path("items", item, "similar"), { query }); }
  putItems(items) { return this.call("PUT", "/items", { body: items }); }
  removeItem(item) { return this.call("DELETE", path("items", item)); }
  categories() { return this.call("GET", "/categories"); }
  about() { return this.call("GET", "/about"); }
  overview() { return this.call("GET", "/overview"); }

  /** Slates as they change: `for await (const {type, id, data} of penchant.stream("u1"))`, until
   * the user is erased or `signal` aborts. Connects again when the line drops. */
  async *stream(user, { signal, ...query } = {}) {
    for (let pause = 500; !signal?.aborted; pause = Math.min(pause * 2, 10_000)) {
      try {
        const response = await this.send("GET", path("users", user, "stream"), { query, signal });
        for await (const event of messages(response.body)) {
          yield event;
          pause = 250;
          if (event.type === "erased") return;
        }
      } catch (error) {
        if (signal?.aborted) return;
        if (error instanceof ProblemError && !RETRIED.has(error.status)) throw error;
      }
      await wait(pause);
    }
  }

  /** Any route: the answer as an object, or a `ProblemError`. */
  async call(method, route, { query, body } = {}) {
    let resent = false; // whether an earlier try may have been done, its answer lost
    for (let tried = 1; ; tried++) {
      const call = { method, path: address(route, query), body, status: 0, ms: 0 };
      const began = performance.now();
      const finish = (more) => this.onCall(Object.assign(call, { ms: performance.now() - began }, more));
      try {
        const response = await this.send(method, route, { query, body, signal: AbortSignal.timeout(this.timeoutMs) });
        const answer = await response.json();
        finish({ status: response.status, answer });
        return answer;
      } catch (error) {
        finish({ status: error.status ?? 0, problem: error.problem ?? { title: error.message } });
        if (resent && error.status === 404 && route.startsWith("/events/")) return { event_id: decodeURIComponent(route.slice(8)), undone: true };
        const again = error instanceof ProblemError ? RETRIED.has(error.status) : true;
        if (!again || tried >= this.tries) throw error;
        resent ||= error instanceof ProblemError ? BETWEEN.has(error.status) : true;
        await wait(error.retryAfterMs ?? 100 * 3 ** (tried - 1));
      }
    }
  }

  /** One request, once: the response if it is good. */
  async send(method, route, { query, body, signal } = {}) {
    const headers = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (this.key) headers.authorization = `Bearer ${this.key}`;
    if (/^[^?]*\/\.{0,2}(?:[/?]|$)/.test(route)) throw new ProblemError(422, { title: "The request makes no sense", detail: `an id of ${route} is "", "." or "..", which no browser sends in a path; allowed is any other` });
    const content = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.fetch(this.url + address(route, query), { method, headers, body: content, signal });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({ title: response.statusText }));
    const error = new ProblemError(response.status, problem);
    const after = Number(response.headers.get("retry-after") ?? NaN);
    if (after >= 0) error.retryAfterMs = Math.min(after * 1000, 5000);
    throw error;
  }
}

/** Path with its query; arrays repeat their name, and what is null, undefined or "" is left out. */
function address(route, query = {}) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  const kept = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length ? `${route}?${new URLSearchParams(kept)}` : route;
}

/** Server-sent events of a body, one by one. */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let text = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value.replaceAll("\r\n", "\n")).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const fields = block.split("\n").filter((line) => line && !line.startsWith(":"));
        const all = (name) => fields.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length).trimStart()).join("\n");
        if (fields.length) yield { type: all("event:") || "message", id: all("id:"), data: JSON.parse(all("data:") || "null") };
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // who leaves early lets the line go
  }
}
