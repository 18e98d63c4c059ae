/** Charts as SVG: a spark, and lines that can be read with pointer, keys and ears. */

import { html, useLayoutEffect, useRef, useState } from "../html.js";
import { t } from "../language.js";

const points = (values, x, y) => values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");

/** A small line without axes; what it says is said beside it. */
export function Spark({ values, width = 96, height = 24, top = Math.max(...values, 1e-9), mark }) {
  const x = (at) => 2 + (at * (width - 4)) / Math.max(1, values.length - 1);
  const y = (value) => height - 2 - (Math.min(value, top) * (height - 4)) / top;
  const last = values.length - 1;
  return html`<svg class="spark" viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
    ${mark !== undefined && html`<line class="mark" x1="0" x2=${width} y1=${y(mark)} y2=${y(mark)} />`}
    <polyline points=${points(values, x, y)} />
    ${values.length > 0 && html`<circle cx=${x(last)} cy=${y(values[last])} r="2.2" />`}
  </svg>`;
}

/** Ticks of an axis from 0 to at least `top`: few, and at round numbers. */
export function ticks(low, top, wanted = 4) {
  const rough = (top - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const first = Math.floor(low / step + 1e-9) * step;
  const count = Math.ceil((top - first) / step - 1e-9);
  return Array.from({ length: Math.max(1, count) + 1 }, (_, at) => first + at * step);
}

const LEFT = 48;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 22;

/** Lines over numbered moments.
 *
 * `lines`: [{name, values, color, hidden}]; `name(at)` says which moment; `show(value)` writes a
 * number. Pointer or arrow keys choose a moment, whose values stand below and are announced; where
 * there is `onTurn`, each line can be turned off and on there. */
export function Lines({ lines: every, name, show, title, height = 180, low = 0, testid, axis = (at) => String(at + 1), onTurn }) {
  const frame = useRef(null);
  const [width, setWidth] = useState(360);
  const [chosen, choose] = useState(null);
  useLayoutEffect(() => {
    const fit = new ResizeObserver(([box]) => setWidth(Math.max(240, Math.round(box.contentRect.width))));
    fit.observe(frame.current);
    return () => fit.disconnect();
  }, []);
  const drawn = every.filter((line) => !line.hidden);
  const lines = drawn.length ? drawn : every;
  const count = Math.max(...lines.map((line) => line.values.length));
  const all = lines.flatMap((line) => line.values);
  const floor = low === "auto" ? Math.min(...all) : low;
  const marks = ticks(floor, Math.max(...all, floor + 1e-6));
  const [bottom, top] = [marks[0], marks.at(-1)];
  const x = (at) => LEFT + (at * (width - LEFT - RIGHT)) / Math.max(1, count - 1);
  const y = (value) => TOP + ((top - value) * (height - TOP - BOTTOM)) / (top - bottom);
  const at = chosen === null ? count - 1 : Math.min(chosen, count - 1);
  const nearest = (event) => {
    const box = frame.current.getBoundingClientRect();
    choose(Math.max(0, Math.min(count - 1, Math.round(((event.clientX - box.left - LEFT) * (count - 1)) / (width - LEFT - RIGHT)))));
  };
  const keys = (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: count - 1, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to === null ? null : Math.max(0, Math.min(count - 1, to)));
  };
  const readout = lines.map((line) => ({ ...line, value: line.values[at] })).filter((line) => line.value !== undefined);
  const said = `${name(at)}: ${readout.map((line) => `${line.name} ${show(line.value)}`).join(", ")}`;
  const ends = count > 2 ? [0, Math.floor((count - 1) / 2), count - 1] : [0, count - 1];
  return html`<div class="lines" data-testid=${testid}>
    <div ref=${frame} class="lines-frame" data-testid=${`${testid}-frame`} tabindex="0" role="slider" aria-orientation="horizontal" aria-label=${title} aria-valuemin="1" aria-valuemax=${count}
      aria-valuenow=${at + 1} aria-valuetext=${said} onKeyDown=${keys} onPointerMove=${nearest} onPointerDown=${nearest} onPointerLeave=${() => choose(null)} onBlur=${() => choose(null)}>
      <svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} aria-hidden="true">
        ${marks.map((mark) => html`<g key=${mark}><line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${y(mark)} y2=${y(mark)} /><text class="tick" x=${LEFT - 6} y=${y(mark) + 3.5} text-anchor="end">${show(mark)}</text></g>`)}
        ${[...new Set(ends)].map((end) => html`<text class="tick" x=${x(end)} y=${height - 6} text-anchor=${end === 0 ? "start" : end === count - 1 ? "end" : "middle"}>${axis(end)}</text>`)}
        ${chosen !== null && html`<line class="cursor" x1=${x(at)} x2=${x(at)} y1=${TOP} y2=${height - BOTTOM} />`}
        ${lines.map((line) => html`<polyline key=${line.name} class=${`line ${line.color}`} points=${points(line.values, x, y)} />`)}
        ${readout.map((line) => html`<circle key=${line.name} class=${`dot ${line.color}`} cx=${x(at)} cy=${y(line.value)} r="3.2" />`)}
      </svg>
    </div>
    <div class="readout">
      <div class="readout-name">${name(at)}</div>
      <ul>${every.map((line) => html`<li key=${line.name}><${Key} line=${line} value=${line.values[at] === undefined ? "" : show(line.values[at])} onTurn=${onTurn} /></li>`)}</ul>
    </div>
  </div>`;
}

/** What a line is and where it stands; a switch where lines can be turned off. */
function Key({ line, value, onTurn }) {
  const inside = html`<span class=${`key-line ${line.color}`}></span><span class="readout-line">${line.name}</span><b>${value}</b>`;
  if (!onTurn) return html`<span class="readout-key">${inside}</span>`;
  return html`<button class="readout-key" aria-pressed=${!line.hidden} onClick=${() => onTurn(line)}>${inside}</button>`;
}

/** A bar from 0 to `share` of its width. */
export function Bar({ share, color = "" }) {
  return html`<span class="bar" aria-hidden="true"><span class=${`bar-fill ${color}`} style=${{ transform: `scaleX(${Math.max(0, Math.min(1, share)).toFixed(4)})` }}></span></span>`;
}

/** What a chart shows, as rows and columns. */
export function Table({ head, rows, caption }) {
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${caption}>
    <table><caption class="unseen">${caption ?? t("asTable")}</caption>
      <thead><tr>${head.map((cell, at) => html`<th key=${at} scope="col" class=${at ? "number" : ""}>${cell}</th>`)}</tr></thead>
      <tbody>${rows.map((row, line) => html`<tr key=${line}>${row.map((cell, at) => (at ? html`<td key=${at} class="number">${cell}</td>` : html`<th key=${at} scope="row">${cell}</th>`))}</tr>`)}</tbody>
    </table>
  </div>`;
}
