/** The slate: what is recommended now, what moved, where each place comes from and why. */

import { html, useEffect, useState, useWatched } from "../html.js";
import { label, language, listed, milliseconds, number, percent, quoted, sourceFamily, sourceMeaning, sourceName, t } from "../language.js";
import { Spark } from "../parts/chart.js";
import { Icon } from "../parts/icons.js";
import { Actions } from "./actions.js";
import { useGliding } from "./moving.js";

/** The panel. */
export function Slate({ session }) {
  const { slate, changes, options } = useWatched(session);
  const [tuning, setTuning] = useState(false);
  const [why, setWhy] = useState(null); // the item whose reasons are open
  const places = slate?.items ?? [];
  const list = useGliding(places.map((place) => place.item).join());
  const top = Math.max(1e-9, ...places.map((place) => positive(place.parts)));
  const drop = (name) => session.choose({ category: options.category.filter((one) => one !== name) });
  return html`<section class="slate panel" aria-labelledby="slate-title" data-testid="slate">
    <header class="panel-head slate-head">
      <div><h2 id="slate-title">${t("slate")}</h2></div>
      <${Speed} session=${session} />
      <button class="button small ghost" aria-expanded=${tuning} aria-controls="slate-options" aria-label=${t("options")} onClick=${() => setTuning(!tuning)} data-testid="options"><${Icon} name="options" /><span class="wide-only">${t("options")}</span></button>
    </header>
    ${tuning && html`<${Options} session=${session} />`}
    ${options.category.length > 0 &&
    html`<p class="filters"><span class="quiet">${t("filtered")}</span>${options.category.map((name) => html`<button key=${name} class="chip chosen" aria-label=${t("removeFilter", { category: label(name) })} onClick=${() => drop(name)} data-testid="filter">${label(name)}<${Icon} name="close" /></button>`)}</p>`}
    ${!slate && html`<div class="skeletons" aria-hidden="true">${Array.from({ length: 8 }, (_, at) => html`<div key=${at} class="skeleton card-like"></div>`)}</div>`}
    ${slate && places.length === 0 && html`<div class="empty tall"><strong>${t("noSlate")}</strong><p>${t("noSlateHint")}</p></div>`}
    <ol ref=${list} class="cards">
      ${places.map((place, at) => html`<${Card} key=${place.item} session=${session} place=${place} rank=${at + 1} change=${changes.get(place.item)} top=${top} open=${why === place.item} onWhy=${() => setWhy(why === place.item ? null : place.item)} />`)}
    </ol>
    ${slate?.next && html`<button class="button wide" onClick=${() => session.more()} data-testid="more">${t("showMore")}</button>`}
    <p class="unseen" role="status">${session.times.length ? t("speedLong", { ms: milliseconds(session.times.at(-1).ms) }) : ""}</p>
  </section>`;
}

const positive = (parts) => Object.values(parts).reduce((sum, part) => sum + Math.max(0, part), 0);

function Card({ session, place, rank, change, top, open, onWhy }) {
  const { title, item, categories, parts, source } = place;
  const name = title ?? item;
  const only = (category) => session.choose({ category: [...new Set([...session.options.category, category])] });
  const whyButton = html`<button class="button small ghost why-button" aria-expanded=${open} aria-label=${t("whyTitle", { title: name })} onClick=${onWhy} data-testid="why">${t("why")}</button>`;
  return html`<li class="card" data-key=${item} data-item=${item} data-testid="slate-card">
    <div class="rank"><span class="rank-number">${rank}</span><${Change} change=${change} /></div>
    <div class="card-main">
      <h3 class="title">${name}</h3>
      <p class="chips">${categories.map((category) => html`<button key=${category} class="chip" aria-label=${t("filterBy", { category: label(category) })} onClick=${() => only(category)}>${label(category)}</button>`)}</p>
    </div>
    <div class="card-source">
      <span class=${`source ${sourceFamily(source)}`} title=${sourceMeaning(source)} data-testid="source">${sourceName(source)}</span>
      <${Parts} parts=${parts} top=${top} score=${place.score} />
    </div>
    <${Actions} session=${session} item=${item} title=${title} more=${whyButton} />
    ${open && html`<${Why} session=${session} place=${place} name=${name} />`}
  </li>`;
}

function Change({ change }) {
  if (change === undefined) return html`<span class="change"></span>`;
  if (change === "new") return html`<span class="change fresh" data-testid="change"><span aria-hidden="true">${t("isNew")}</span><span class="unseen">${t("isNewLong")}</span></span>`;
  const n = Math.abs(change);
  return html`<span class=${`change ${change > 0 ? "up" : "down"}`} data-testid="change"><span aria-hidden="true">${change > 0 ? "▲" : "▼"}${n}</span><span class="unseen">${t(change > 0 ? "up" : "down", { n })}</span></span>`;
}

/** Parts summed by family of sources, greatest first; slivers are left to the numbers. */
function byFamily(given) {
  const sums = new Map();
  for (const [source, part] of given) sums.set(sourceFamily(source), (sums.get(sourceFamily(source)) ?? 0) + part);
  const all = given.reduce((sum, [, part]) => sum + part, 0);
  return [...sums].filter(([, part]) => part > all * 0.02).sort(([, a], [, b]) => b - a);
}

/** What the sources gave, as one stacked bar. */
function Parts({ parts, top, score }) {
  const given = Object.entries(parts).filter(([, part]) => part > 0).sort(([, a], [, b]) => b - a);
  const said = given.slice(0, 4).map(([source, part]) => `${sourceName(source)} ${number(part, 2)}`).join(" · ");
  return html`<span class="parts" title=${`${t("score")} ${number(score, 2)}: ${said}`} role="img" aria-label=${`${t("given")}: ${said}`}>
    ${byFamily(given).map(([family, part]) => html`<span key=${family} class=${`part ${family}`} style=${{ flexBasis: `${((part / top) * 100).toFixed(2)}%` }}></span>`)}
  </span>`;
}

/** The reasons of one place, asked for when opened and again when the slate has moved. */
function Why({ session, place, name }) {
  const [found, setFound] = useState(null);
  const { state_cursor } = session.slate;
  useEffect(() => {
    let stale = false;
    setFound(null);
    session.attempt(async () => {
      const slate = await session.reasons(name);
      if (!stale) setFound(slate.items.find((one) => one.item === place.item) ?? place);
    });
    return () => (stale = true);
  }, [state_cursor, place.item]);
  return html`<div class="why" data-testid="reasons" role="status">
    ${!found && html`<p class="quiet">${t("checking")}</p>`}
    ${found?.reasons.map((reason) => html`<p key=${reason.events.join()} class="reason" data-testid="reason">${inWords(reason)} <span class="checked"><${Icon} name="check" />${t("checked")}</span></p>`)}
    ${found?.reasons.length === 0 && html`<p class="reason" data-testid="reason">${t("noReason", { source: sourceName(found.source), meaning: sourceMeaning(found.source) })}</p>`}
    ${found?.reasons.length > 0 && html`<p class="quiet">${t("cameFrom", { source: sourceName(found.source), meaning: sourceMeaning(found.source) })}</p>`}
    ${found && html`<${Given} parts=${found.parts} />`}
  </div>`;
}

function inWords({ titles, items, rank, rank_without: without }) {
  const said = titles.map((title, at) => (title ?? items[at] ? quoted(title ?? items[at]) : t("aSearch")));
  const times = (name) => said.filter((other) => other === name).length;
  const names = listed([...new Set(said)].map((name) => (times(name) > 1 ? `${name} ×${times(name)}` : name)));
  const then = t(without === null ? "reasonGone" : "reasonFall", { count: titles.length, rank, without });
  return [t("reason", { names }), then].join(language() === "zh" ? "" : " ");
}

function Given({ parts }) {
  const rows = Object.entries(parts).filter(([, part]) => Math.abs(part) > 0.005).sort(([, a], [, b]) => b - a);
  const top = Math.max(...rows.map(([, part]) => Math.abs(part)), 1e-9);
  return html`<table class="given"><caption>${t("given")}</caption>
    <tbody>${rows.map(([source, part]) => html`<tr key=${source}>
      <th scope="row" title=${sourceMeaning(source)}>${sourceName(source)}</th>
      <td><span class="bar" aria-hidden="true"><span class=${`bar-fill ${sourceFamily(source)} ${part < 0 ? "against" : ""}`} style=${{ transform: `scaleX(${Math.abs(part) / top})` }}></span></span></td>
      <td class="number">${number(part, 2)}${part < 0 ? html`<span class="unseen"> ${t("against")}</span>` : ""}</td>
    </tr>`)}</tbody>
  </table>`;
}

/** From the click to the slate that knows it. */
function Speed({ session }) {
  const { times, pushed } = useWatched(session);
  if (pushed) return html`<p class="speed quiet" data-testid="pushed">${t("pushed")}</p>`;
  if (!times.length) return html`<p class="speed-none quiet">${t("speedNone")}</p>`;
  const last = times.at(-1);
  const recent = times.map((one) => one.ms);
  const median = [...recent].sort((a, b) => a - b)[Math.floor(recent.length / 2)];
  const said = `${t("speedLong", { ms: milliseconds(last.ms) })}; ${t("speedParts", { post: milliseconds(last.post), get: milliseconds(last.get) })}. ${t("speedRecent", { n: times.length, median: milliseconds(median) })}`;
  return html`<p class="speed-now" title=${said} data-testid="speed">
    <${Spark} values=${recent} />
    <span class="speed-figure"><b>${milliseconds(last.ms)}</b> ms</span>
    <span class="quiet">${t("speed")}</span>
  </p>`;
}

function Options({ session }) {
  const { options } = useWatched(session);
  return html`<div id="slate-options" class="slate-options">
    <label class="check"><input type="checkbox" checked=${options.repeats} onChange=${(event) => session.choose({ repeats: event.target.checked })} data-testid="repeats" />${t("repeats")}</label>
    <label class="range">${t("variety")}<input type="range" min="0" max="1" step="0.1" value=${options.diversity} onChange=${(event) => session.choose({ diversity: Number(event.target.value) })} data-testid="diversity" /><output>${percent(options.diversity, 0)}</output></label>
  </div>`;
}
