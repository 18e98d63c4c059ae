/** The overview: how the service is doing, what is in the log, and what was learned. */

import { html, useEffect, useState } from "../html.js";
import { journal } from "../calls.js";
import { compact, day, lasting, milliseconds, number, percent, problemTitle, t } from "../language.js";
import { Bar, Spark } from "../parts/chart.js";
import { Artifact } from "./artifact.js";
import { Quality } from "./quality.js";

const EVERY_MS = 1000;

/** Asks once a second while it can be seen. */
export function Overview() {
  const [seen, setSeen] = useState(null);
  useEffect(() => {
    const api = journal.client(() => t("overview"));
    api.onCall = (call) => journal.set({ offline: call.status === 0, locked: journal.locked || (call.status === 401 && api.key === journal.key) });
    let timer;
    let stopped = false;
    const ask = async () => {
      if (document.visibilityState === "visible") {
        api.key = journal.key;
        const answer = await api.overview().catch(() => null);
        if (answer && !stopped) setSeen(answer);
      }
      if (!stopped) timer = setTimeout(ask, EVERY_MS);
    };
    ask();
    return () => ((stopped = true), clearTimeout(timer));
  }, []);
  if (!seen) return html`<div class="overview"><div class="skeletons" aria-hidden="true">${[0, 1, 2].map((at) => html`<div key=${at} class="skeleton tall-like"></div>`)}</div></div>`;
  return html`<div class="overview" data-testid="overview">
    <${Service} seen=${seen} />
    <${Log} seen=${seen} />
    <${Artifact} seen=${seen} />
    <${Quality} report=${seen.quality} />
  </div>`;
}

function Service({ seen }) {
  const { rates, latency_ms: latency, freshness_target_ms: target } = seen;
  return html`<section class="panel service" aria-labelledby="service-title">
    <header class="panel-head"><h2 id="service-title">${t("serviceTitle")}</h2><span class="quiet"><span class="pulse"></span>${t("measured")}</span></header>
    <div class="tiles">
      <${Rate} name=${t("eventsPerSecond")} values=${rates.events} testid="events-rate" />
      <${Rate} name=${t("slatesPerSecond")} values=${rates.slates} testid="slates-rate" />
      <${Latency} name=${t("freshness")} hint=${t("freshnessHint")} found=${latency.event_visible} target=${target} testid="freshness" />
      <${Latency} name=${t("slateTook")} found=${latency.slate} testid="slate-latency" />
      <div class="tile"><span class="tile-name">${t("memory")}</span><b class="figure">${number(seen.memory_mib)}<small> MiB</small></b></div>
      <div class="tile"><span class="tile-name">${t("uptime")}</span><b class="figure words">${lasting(seen.uptime_s)}</b></div>
    </div>
  </section>`;
}

function Rate({ name, values, testid }) {
  const recent = values.slice(-120);
  const last = recent.at(-2) ?? recent.at(-1) ?? 0; // the current second is not over
  return html`<div class="tile wide-tile" data-testid=${testid}>
    <span class="tile-name">${name}</span><b class="figure">${number(last)}</b>
    <${Spark} values=${recent} width=${240} height=${44} top=${Math.max(1, ...recent)} />
    <span class="quiet">${t("last", { n: recent.length })} · ${t("peak", { n: Math.max(0, ...recent) })}</span>
  </div>`;
}

function Latency({ name, hint, found, target, testid }) {
  const p99 = found?.p99 ?? null;
  const good = target === undefined || p99 === null || p99 <= target;
  return html`<div class="tile wide-tile" title=${hint ?? ""} data-testid=${testid}>
    <span class="tile-name">${name}</span>
    <b class="figure">${p99 === null ? "—" : milliseconds(found.p50)}<small> ms ${t("p50")}</small></b>
    <span class="p99">${p99 === null ? "—" : milliseconds(p99)} ms ${t("p99")}</span>
    ${target !== undefined && html`<${Bar} share=${p99 === null ? 0 : p99 / (2 * target)} color=${good ? "" : "against"} /><span class="quiet">${t("target", { ms: number(target) })}${p99 === null ? "" : ` · ${t(good ? "withinTarget" : "overTarget")}`}</span>`}
  </div>`;
}

function Log({ seen }) {
  const { facts, drops } = seen;
  const types = Object.entries(facts.types ?? {}).sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...types.map(([, count]) => count));
  const left = Object.entries(drops ?? {}).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  const flags = Object.entries(facts.flags ?? {}).filter(([, count]) => count > 0);
  const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<section class="panel" aria-labelledby="log-title">
    <header class="panel-head"><h2 id="log-title">${t("theLog")}</h2></header>
    <dl class="facts">
      ${fact(t("eventsHead"), number(facts.events))}${fact(t("users"), number(facts.users))}${fact(t("items"), number(facts.items))}
      ${facts.oldest_s !== null && fact(t("period"), `${day(facts.oldest_s)} – ${day(facts.newest_s)}`)}
    </dl>
    <h3>${t("types")}</h3>
    <ul class="counts">${types.map(([type, count]) => html`<li key=${type}><span>${type}</span><${Bar} share=${count / most} /><b>${compact(count)}</b></li>`)}</ul>
    <h3>${t("drops")}</h3>
    ${left.length ? html`<ul class="counts plain">${left.map(([reason, count]) => html`<li key=${reason}><span>${problemTitle(reason, reason)}</span><b>${number(count)}</b></li>`)}</ul>` : html`<p class="quiet">${t("noDrops")}</p>`}
    ${flags.length > 0 && html`<h3>${t("flags")}</h3><ul class="counts plain">${flags.map(([flag, count]) => html`<li key=${flag}><span>${flag}</span><b>${number(count)} · ${percent(count / facts.events, 2)}</b></li>`)}</ul>`}
  </section>`;
}
