/** Search the catalogue and act on what is found, by pointer or by keyboard. */

import { html, useEffect, useRef, useState, useWatched } from "../html.js";
import { journal } from "../calls.js";
import { label, number, t } from "../language.js";
import { Icon } from "../parts/icons.js";
import { Actions } from "./actions.js";

const SHOWN = 8;
const PAUSE_MS = 140;

/** The search box; results open under it. */
export function Search({ session }) {
  useWatched(session);
  const [q, setQ] = useState("");
  const [found, setFound] = useState(null);
  const box = useRef(null);
  const list = useRef(null);
  useEffect(() => {
    const asked = q.trim();
    if (!asked) return setFound(null);
    let stale = false;
    const timer = setTimeout(async () => {
      const answer = await session.attempt(() => journal.client(() => t("searching", { q: asked })).items({ q: asked, limit: SHOWN }));
      if (!stale && answer) setFound({ ...answer, q: asked });
    }, PAUSE_MS);
    return () => ((stale = true), clearTimeout(timer));
  }, [q]);

  const rows = () => [...(list.current?.querySelectorAll("[data-testid=result]") ?? [])];
  const into = (row) => row?.querySelector("button")?.focus();
  const fromBox = (event) => {
    if (event.isComposing) return; // Enter and arrows belong to the input method
    if (event.key === "Escape" && q) setQ("");
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    into(rows()[0]);
  };
  const inList = (event) => {
    if (event.key === "Escape") return box.current.focus();
    const row = event.target.closest("[data-testid=result]");
    const buttons = [...row.querySelectorAll("button")];
    const at = rows().indexOf(row);
    const column = buttons.indexOf(event.target);
    const to = {
      ArrowDown: () => rows()[at + 1]?.querySelectorAll("button"),
      ArrowUp: () => (at === 0 ? [box.current] : rows()[at - 1].querySelectorAll("button")),
      ArrowRight: () => [buttons[column + 1]],
      ArrowLeft: () => [buttons[column - 1]],
    }[event.key]?.();
    if (!to) return undefined;
    event.preventDefault();
    const same = event.key === "ArrowDown" || event.key === "ArrowUp" ? Math.min(column, to.length - 1) : 0;
    return to[same]?.focus();
  };
  return html`<section class="search panel" aria-labelledby="search-title">
    <h2 id="search-title" class="unseen">${t("search")}</h2>
    <div class="search-box">
      <${Icon} name="search" />
      <input ref=${box} type="search" value=${q} placeholder=${t("searchItems")} aria-label=${t("searchItems")} aria-describedby="search-hint" autocomplete="off" spellcheck="false"
        enterkeyhint="search" onInput=${(event) => setQ(event.target.value)} onKeyDown=${fromBox} data-testid="search" />
    </div>
    <p id="search-hint" class="unseen">${t("searchHint")}</p>
    <p class="unseen" role="status">${found ? t("found", { n: found.total }) : ""}</p>
    ${found &&
    html`<div class="results-frame">
      ${found.items.length === 0
        ? html`<p class="empty" data-testid="no-results">${t("noResults", { q: found.q })}</p>`
        : html`<ul ref=${list} class="results" onKeyDown=${inList}>
            ${found.items.map(
              (one) => html`<li key=${one.id} class="result" data-testid="result">
                <div class="result-name"><span class="title">${one.title ?? one.id}</span><span class="quiet">${one.categories.map(label).join(" · ")}</span></div>
                <${Actions} session=${session} item=${one.id} title=${one.title} />
              </li>`,
            )}
          </ul>`}
      ${found.total > found.items.length && html`<p class="quiet results-more">${t("found", { n: found.total })}</p>`}
    </div>`}
    ${!found && !q && session.slate && html`<p class="quiet search-try">${t("searchEmpty")}</p>`}
  </section>`;
}
