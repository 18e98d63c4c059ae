/** What the data are worth. */

import { html } from "../html.js";
import { figureName, number, percent, sentence, t } from "../language.js";

const PARTS = ["completeness", "consistency", "accuracy", "diversity"];

/** The panel: the report of `penchant validate`, on the log as it is. */
export function Quality({ report }) {
  if (!report?.enough) return null; // not worked out yet
  const { enough, values } = report;
  return html`<section class="panel quality" aria-labelledby="quality-title" data-testid="quality">
    <header class="panel-head"><h2 id="quality-title">${t("quality")}</h2><span class=${`verdict ${enough.enough ? "good" : "bad"}`}>${t(enough.enough ? "enoughYes" : "enoughNo")}</span></header>
    <ul class=${enough.enough ? "quality-reasons" : "quality-reasons missing"}>${enough.reasons.map((reason) => html`<li key=${reason}>${sentence(reason)}</li>`)}</ul>
    <div class="quality-parts">
      ${PARTS.map((part) => html`<${Part} key=${part} name=${t(part)} found=${report[part]} />`)}
      ${Object.entries(values ?? {}).map(([type, found]) => html`<${Part} key=${type} name=${`${t("values")}: ${type}`} found=${found} />`)}
    </div>
  </section>`;
}

function Part({ name, found }) {
  const { hint, ...figures } = found ?? {};
  return html`<div>
    <h3>${name}</h3>
    <dl class="rows">${Object.entries(figures).map(([key, value]) => (quantiles(value) ? html`<${Spread} key=${key} name=${figureName(key)} found=${value} />` : rows(key, value)))}</dl>
    ${hint && html`<p class="quiet">${sentence(hint)}</p>`}
  </div>`;
}

const quantiles = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).some((key) => key.endsWith("%"));

/** One line per figure; counts by name get a line each. */
function rows(key, value) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return Object.entries(value).map(([name, count]) => html`<div key=${name}><dt>${name}</dt><dd>${number(count)}</dd></div>`);
  return html`<div key=${key}><dt>${figureName(key)}</dt><dd>${shown(key, value)}</dd></div>`;
}

/** Quantiles side by side. */
function Spread({ name, found }) {
  return html`<div class="spread"><dt>${name}</dt>
    <dd><ol>${Object.entries(found).map(([share, value]) => html`<li key=${share}><span class="quiet">${share}</span><span>${number(value, Number.isInteger(value) ? 0 : 1)}</span></li>`)}</ol></dd>
  </div>`;
}

function shown(key, value) {
  if (value === null || (Array.isArray(value) && !value.length)) return t("none");
  if (Array.isArray(value)) return value.join(", ");
  const share = key.endsWith("_share") || /^(event|item)_/.test(key);
  return share ? percent(value, 1) : number(value, Number.isInteger(value) ? 0 : 2);
}
