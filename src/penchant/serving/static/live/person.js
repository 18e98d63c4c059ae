/** Who the page is about: a fresh stranger, or a user of the log; and replaying their history. */

import { html, useEffect, useRef, useState, useWatched } from "../html.js";
import { journal } from "../calls.js";
import { t } from "../language.js";
import { Icon } from "../parts/icons.js";

const LISTED = 100;

/** The person, with the ways to be somebody else. */
export function Person({ session }) {
  const { user, guest, total, ready } = useWatched(session);
  const [choosing, setChoosing] = useState(false);
  const opener = useRef(null);
  const close = () => {
    setChoosing(false);
    opener.current?.focus();
  };
  return html`<section class="person panel" aria-labelledby="person-title" data-testid="person">
    <h2 id="person-title" class="unseen">${t("person")}</h2>
    <div class="person-now">
      <span class="face"><${Icon} name="person" /></span>
      <div class="person-name">
        <span class="eyebrow">${guest ? t("stranger") : t("realUser")}</span>
        <span class="person-id" data-testid="user">${user ?? "…"}</span>
      </div>
      <span class="quiet person-count">${ready && t("events", { n: total })}</span>
    </div>
    <div class="person-ways">
      <button class="button small" onClick=${() => session.newGuest()} data-testid="new-guest"><${Icon} name="dice" />${t("newStranger")}</button>
      <button ref=${opener} class="button small" aria-expanded=${choosing} aria-controls="choose" onClick=${() => setChoosing(!choosing)} data-testid="choose-person"><${Icon} name="search" />${t("choosePerson")}</button>
    </div>
    ${choosing && html`<${Choose} session=${session} onClose=${close} />`}
    <${Replay} session=${session} />
  </section>`;
}

/** Users of the log, to be or to replay. */
function Choose({ session, onClose }) {
  const [users, setUsers] = useState(null);
  const [q, setQ] = useState("");
  const [exact, setExact] = useState(null);
  const box = useRef(null);
  useEffect(() => {
    box.current.focus();
    session.attempt(async () => setUsers((await journal.client(() => t("choosePerson")).users({ limit: LISTED })).users));
  }, []);
  useEffect(() => {
    setExact(null);
    const asked = q.trim();
    const known = users?.some((one) => one.user === asked);
    if (!asked || known || !users) return undefined;
    const timer = setTimeout(async () => {
      const page = await session.attempt(() => journal.client(() => t("findPerson")).history(asked, { limit: 1 }));
      setExact(page ? { user: asked, events: page.total } : null);
    }, 250);
    return () => clearTimeout(timer);
  }, [q, users]);
  const listed = (users ?? []).filter((one) => one.user.includes(q.trim())).slice(0, 40);
  const shown = exact?.events ? [exact, ...listed] : listed;
  const keys = (event) => {
    if (event.key === "Escape") onClose();
  };
  const be = (user) => (onClose(), session.become(user));
  const replay = (user) => (onClose(), session.startReplay(user));
  return html`<div id="choose" class="choose" onKeyDown=${keys}>
    <label class="unseen" for="choose-box">${t("findPerson")}</label>
    <input id="choose-box" ref=${box} type="search" placeholder=${t("findPerson")} value=${q} autocomplete="off" onInput=${(event) => setQ(event.target.value)} data-testid="person-search" />
    <ul class="users" aria-label=${t("choosePerson")}>
      ${shown.map(
        (one) => html`<li key=${one.user}>
          <button class="user" aria-label=${t("beThem", { user: one.user })} onClick=${() => be(one.user)} data-testid="person-option"><span>${one.user}</span><span class="quiet">${t("events", { n: one.events })}</span></button>
          <button class="button small ghost" aria-label=${t("replayThemLong", { user: one.user })} title=${t("replayThemLong", { user: one.user })} onClick=${() => replay(one.user)} data-testid="replay"><${Icon} name="play" />${t("replay")}</button>
        </li>`,
      )}
    </ul>
    ${users && shown.length === 0 && html`<p class="empty">${t("nobody", { q })}</p>`}
  </div>`;
}

const SPEEDS = [1, 2, 5, 10, 0];

/** How a replay is going, and its controls. */
function Replay({ session }) {
  const { replay, user } = useWatched(session);
  if (!replay) return null;
  const { source, done, total, playing, perSecond, title } = replay;
  const ended = done === total;
  const speed = (value) => (value ? t("perSecond", { n: value }) : t("full"));
  return html`<div class="replay" data-testid="replay-panel">
    <p class="replay-name">${ended ? t("replayDone", { n: done, total, user: source }) : t("replayOf", { user: source, guest: user })}</p>
    <progress class="replay-progress" max=${total} value=${done} aria-label=${t("replayAt", { n: done, total })}></progress>
    <p class="quiet replay-title" data-testid="replay-progress"><span>${done} / ${total}</span><span class="replay-now">${title}</span></p>
    <div class="replay-controls">
      ${!ended && html`<button class="button small primary" onClick=${() => session.pauseReplay(!playing)} data-testid="replay-pause"><${Icon} name=${playing ? "pause" : "play"} />${playing ? t("pause") : t("resume")}</button>`}
      <button class="button small" onClick=${() => session.stopReplay()} data-testid="replay-stop"><${Icon} name=${ended ? "check" : "stop"} />${ended ? t("done") : t("stop")}</button>
      ${!ended &&
      html`<fieldset class="speeds"><legend class="unseen">${t("replaySpeed")}</legend>
        ${SPEEDS.map((value) => html`<label key=${value} class="speed"><input type="radio" name="speed" checked=${perSecond === value} onChange=${() => session.replayAt(value)} /><span>${speed(value)}</span></label>`)}
      </fieldset>`}
    </div>
  </div>`;
}
