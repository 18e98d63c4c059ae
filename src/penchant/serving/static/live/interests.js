/** Interests as bars, with what moved them, how fast they fade, and their evidence. */

import { html, useState, useWatched } from "../html.js";
import { ago, label, number, percent, quoted, span, t } from "../language.js";
import { Bar } from "../parts/chart.js";
import { Icon } from "../parts/icons.js";
import { useGliding } from "./moving.js";

const FEW = 5;

/** The panel. */
export function Interests({ session }) {
  const { interests, moves, facts, now_s } = useWatched(session);
  const [all, setAll] = useState(false);
  const shown = (interests ?? []).slice(0, all ? undefined : FEW);
  const list = useGliding(shown.map((one) => one.topic).join());
  const top = Math.max(0.05, ...(interests ?? []).map((one) => one.weight));
  return html`<section class="interests panel" aria-labelledby="interests-title" data-testid="interests">
    <header class="panel-head"><h2 id="interests-title">${t("interests")}</h2></header>
    ${!interests && html`<${Skeleton} />`}
    ${interests?.length === 0 && html`<div class="empty tall"><strong>${facts.trained ? t("noInterests") : t("untrained")}</strong><p>${facts.trained ? t("noInterestsHint") : t("untrainedHint")}</p></div>`}
    <ul ref=${list} class="interest-list">
      ${shown.map((one) => html`<${Interest} key=${one.topic} one=${one} move=${moves.get(one.topic)} top=${top} now_s=${now_s} />`)}
    </ul>
    ${interests?.length > FEW && html`<button class="button small ghost wide" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? t("showFewer") : t("showAll", { n: interests.length })}</button>`}
  </section>`;
}

function Interest({ one, move, top, now_s }) {
  const { direction } = one.trend;
  return html`<li data-key=${one.topic} data-testid="interest">
    <details class="interest">
      <summary>
        <span class="interest-name">${label(one.label)}</span>
        <span class="interest-figures">
          ${move !== undefined && html`<span key=${move} class=${`move ${move > 0 ? "up" : "down"}`} data-testid="interest-move">${move > 0 ? "+" : "−"}${number(Math.abs(move) * 100, 1)}</span>`}
          <b class="weight">${percent(one.weight)}</b>
        </span>
        <${Bar} share=${one.weight / top} />
        <span class="interest-going"><span class=${`trend ${direction}`}><${Icon} name=${direction} />${t(direction)}</span>${one.half_life_days !== null && html`<span title=${t("halfLifeTitle")}>${t("halfLife", { days: span(one.half_life_days) })}</span>`}</span>
      </summary>
      <div class="evidence">
        <p class="quiet">
          <span>${t("inAWeek", { weight: percent(one.weight_in_a_week) })}</span>
          <span>${t("shareOf", { share: percent(one.share, 0) })}</span>
          <span>${t("lastEvidence", { when: ago(one.last_evidence.time_s, now_s) })}</span>
        </p>
        <h3>${t("evidence")}</h3>
        <ul>${one.evidence.map((proof) => html`<li key=${proof.item}>${quoted(proof.title ?? proof.item)}</li>`)}</ul>
      </div>
    </details>
  </li>`;
}

const Skeleton = () => html`<div class="skeletons" aria-hidden="true">${[0, 1, 2, 3].map((at) => html`<div key=${at} class="skeleton bar-like"></div>`)}</div>`;
