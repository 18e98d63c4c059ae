/** What the data are worth. */

import { html } from "../html.js";
import { number, percent, t } from "../language.js";

const PARTS = ["completeness", "consistency", "accuracy", "diversity", "values"];

/** The panel: the report of `penchant validate`, on the log as it is. */
export function Quality({ report }) {
  if (!report?.enough) return null; // not worked out yet
  const { enough } = report;
  return html`<section class="panel quality" aria-labelledby="quality-title" data-testid="quality">
    <header class="panel-head"><h2 id="quality-title">${t("quality")}</h2><span class=${`verdict ${enough?.enough ? "good" : "bad"}`}>${t(enough?.enough ? "enoughYes" : "enoughNo")}</span></header>
    ${enough?.reasons?.length > 0 && html`<ul class="quality-reasons">${enough.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}
    <div class="quality-parts">${PARTS.filter((part) => report[part]).map((part) => html`<div key=${part}><h3>${t(part)}</h3><${Figures} found=${report[part]} /></div>`)}</div>
  </section>`;
}

function Figures({ found, prefix = "" }) {
  return html`<dl class="rows">${Object.entries(found).flatMap(([key, value]) => rows(prefix + key, value))}</dl>`;
}

/** One line per figure; what is nested stands under its name. */
function rows(key, value) {
  if (value && typeof value === "object" && !Array.isArray(value)) return Object.entries(value).flatMap(([name, inner]) => rows(`${key} · ${/^[\d.]+$/.test(name) ? percent(Number(name), 0) : name}`, inner));
  return [html`<div key=${key}><dt>${named(key)}</dt><dd>${shown(key, value)}</dd></div>`];
}

const named = (key) => key.replaceAll("_", " ");

function shown(key, value) {
  if (value === null || (Array.isArray(value) && !value.length)) return t("none");
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "number") return String(value);
  const share = key.endsWith("_share") || /^(event|item)_/.test(key);
  return share ? percent(value, 1) : number(value, Number.isInteger(value) ? 0 : 2);
}
