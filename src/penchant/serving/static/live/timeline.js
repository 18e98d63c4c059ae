/** How the interests moved, event by event. */

import { html, useState, useWatched } from "../html.js";
import { act, label, percent, t } from "../language.js";
import { Lines, Table } from "../parts/chart.js";

const DRAWN = 6;

/** The panel: lines, or the same as a table. */
export function Timeline({ session }) {
  const { timeline, facts } = useWatched(session);
  const [table, setTable] = useState(false);
  const [hidden, setHidden] = useState(new Set());
  const moments = timeline?.moments ?? [];
  const labels = (timeline?.labels ?? []).slice(0, DRAWN);
  const name = (at) => {
    const { event, title, item, type } = moments[at];
    return event === null ? t("now") : `${at + 1}. ${title ?? item ?? act(type, true)}`;
  };
  const turn = ({ key }) => setHidden(new Set(hidden.has(key) ? [...hidden].filter((each) => each !== key) : [...hidden, key]));
  const lines = labels.map((one, at) => ({ name: label(one), key: one, color: `line-${at + 1}`, values: moments.map((moment) => moment.weights[at]), hidden: hidden.has(one) }));
  return html`<section class="timeline panel" aria-labelledby="timeline-title" data-testid="timeline">
    <header class="panel-head">
      <h2 id="timeline-title">${t("timeline")}</h2>
      ${moments.length > 2 && html`<button class="button small ghost" onClick=${() => setTable(!table)} data-testid="timeline-table">${table ? t("asChart") : t("asTable")}</button>`}
    </header>
    ${moments.length < 3 || !labels.length
      ? html`<p class="empty">${t(facts && !facts.trained ? "untrainedHint" : "timelineEmpty")}</p>`
      : table
        ? html`<${Table} caption=${t("timeline")} head=${[t("event"), ...lines.map((line) => line.name)]} rows=${moments.map((moment, at) => [name(at), ...lines.map((line) => percent(line.values[at]))]).reverse()} />`
        : html`<${Lines} lines=${lines} onTurn=${turn} name=${name} show=${(value) => percent(value, value && value < 0.1 ? 1 : 0)} title=${`${t("timelineChart", { n: moments.length - 1 })}. ${t("timelineHint")}`} testid="timeline-chart"
            axis=${(at) => (moments[at].event === null ? t("now") : String(at + 1))} />`}
  </section>`;
}
