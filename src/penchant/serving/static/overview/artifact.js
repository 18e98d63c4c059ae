/** The model in use: what it was trained on, how good each source was, and how training went. */

import { html, useState } from "../html.js";
import { day, number, sourceFamily, sourceMeaning, sourceName, t } from "../language.js";
import { Bar, Lines, Table } from "../parts/chart.js";

/** The panel. */
export function Artifact({ seen }) {
  const { card, artifact, artifacts } = seen;
  if (!card) return html`<section class="panel" aria-labelledby="model-title"><h2 id="model-title">${t("model")}</h2><div class="empty tall"><strong>${t("noModel")}</strong><p>${t("noModelHint")}</p></div></section>`;
  const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<section class="panel model" aria-labelledby="model-title" data-testid="artifact">
    <header class="panel-head"><h2 id="model-title">${t("model")}</h2><code class="quiet">${artifact}</code></header>
    <dl class="facts">
      ${fact(t("trainedOn"), `${number(card.events)} · ${day(card.oldest_s)} – ${day(card.newest_s)}`)}
      ${fact(t("users"), number(card.users))}${fact(t("items"), number(card.items))}${fact(t("passes"), number(card.passes))}${fact(t("seed"), String(card.seed))}
    </dl>
    <div class="model-parts">
      <div><h3>${t("held")}</h3><p class="quiet">${t("heldHint")}</p><${Held} figures=${card.held_out_ndcg10} /></div>
      <div class="curves">
        <${Curve} name=${t("loss")} values=${card.losses} low="auto" digits=${2} testid="losses" />
        <${Curve} name=${t("ndcgPass")} values=${card.held_out_ndcg10_by_pass} digits=${4} testid="ndcg-by-pass" />
      </div>
    </div>
    <details class="more"><summary>${t("config")}</summary><${Table} caption=${t("config")} head=${[t("settingKey"), t("settingValue")]} rows=${flat(card.config ?? {})} /></details>
    ${artifacts?.length > 1 && html`<details class="more"><summary>${t("published")}</summary><ul class="counts plain">${artifacts.map((name) => html`<li key=${name}><code>${name}</code><b>${name === artifact ? t("inUse") : ""}</b></li>`)}</ul></details>`}
  </section>`;
}

/** Each source's figure, in each of the two moments that slates are made for. */
function Held({ figures }) {
  const regimes = Object.entries(figures ?? {}).filter(([, found]) => typeof found === "object");
  const [chosen, choose] = useState(regimes[0]?.[0]);
  const found = regimes.find(([name]) => name === chosen)?.[1] ?? {};
  const rows = Object.entries(found).sort(([, a], [, b]) => b - a);
  const most = Math.max(1e-9, ...rows.map(([, figure]) => figure));
  return html`
    ${regimes.length > 1 && html`<div class="tabs" role="group">${regimes.map(([name]) => html`<button key=${name} class="button small ghost" aria-pressed=${name === chosen} onClick=${() => choose(name)}>${t(`regime_${name}`)}</button>`)}</div>`}
    <ul class="counts figures">${rows.map(([source, figure]) => html`<li key=${source} class=${source === "blend" ? "best" : ""} title=${sourceMeaning(source)}><span>${source === "blend" ? t("engine") : sourceName(source)}</span><${Bar} share=${figure / most} color=${source === "blend" ? "" : sourceFamily(source)} /><b>${number(figure, 4)}</b></li>`)}</ul>`;
}

function Curve({ name, values, low, digits, testid }) {
  const [table, setTable] = useState(false);
  if (!values?.length) return null;
  const pass = (at) => t("passAt", { n: at + 1 });
  return html`<figure class="curve" data-testid=${testid}>
    <figcaption><h3>${name}</h3>${values.length > 1 && html`<button class="button small ghost" onClick=${() => setTable(!table)}>${table ? t("asChart") : t("asTable")}</button>`}</figcaption>
    ${table || values.length < 2
      ? html`<${Table} caption=${name} head=${[t("pass"), name]} rows=${values.map((value, at) => [at + 1, number(value, digits)])} />`
      : html`<${Lines} lines=${[{ name, color: "line-1", values }]} name=${pass} show=${(value) => number(value, digits)} title=${name} height=${150} low=${low} testid=${`${testid}-chart`} />`}
  </figure>`;
}

const flat = (config, prefix = "") => Object.entries(config).flatMap(([key, value]) => (value && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${key}.`) : [[prefix + key, String(value)]]));
