/** What can be done with an item: take it, rate it, dismiss it. */

import { html, useLayoutEffect, useRef, useState, useWatched } from "../html.js";
import { act, t } from "../language.js";
import { Icon } from "../parts/icons.js";

/** The buttons of one item; `more` stands after them. */
export function Actions({ session, item, title, more, onDone = () => {} }) {
  const { facts } = useWatched(session);
  const [rating, setRating] = useState(false);
  const opener = useRef(null);
  const name = title ?? item;
  const doIt = (type, value) => {
    if (rating) closeRating();
    session.act(type, item, { value, title: name });
    onDone();
  };
  const closeRating = () => {
    setRating(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  if (rating) return html`<${Scale} max=${facts.scale} title=${name} onRate=${(value) => doIt("rating", value)} onClose=${closeRating} />`;
  return html`<div class="act">
    <button class="button small primary" aria-label=${t("actOn", { act: act(facts.act), title: name })} onClick=${() => doIt(facts.act)} data-testid="act-watch">
      <${Icon} name="check" />${act(facts.act)}
    </button>
    ${facts.scale > 0 &&
    html`<button ref=${opener} class="button small" aria-label=${t("rateTitle", { title: name })} aria-expanded="false" onClick=${() => setRating(true)} data-testid="rate">
      <${Icon} name="star" />${t("rate")}
    </button>`}
    ${facts.dismisses &&
    html`<button class="button small square ghost" aria-label=${t("dismissTitle", { title: name })} title=${t("dismiss")} onClick=${() => doIt("dismiss")} data-testid="act-dismiss">
      <${Icon} name="close" />
    </button>`}
    ${more}
  </div>`;
}

/** Numbers to rate with, from 1 to `max`; arrow keys move, Escape leaves. */
function Scale({ max, title, onRate, onClose }) {
  const group = useRef(null);
  useLayoutEffect(() => group.current.querySelectorAll("button")[Math.ceil(max * 0.7) - 1]?.focus(), []);
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (event.key === "Escape") onClose();
    if (event.key === "Escape" || step) {
      event.preventDefault();
      event.stopPropagation();
    }
    if (!step) return;
    const buttons = [...group.current.querySelectorAll("[data-value]")];
    const at = buttons.indexOf(document.activeElement);
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
  };
  return html`<div ref=${group} class="act scale" role="group" aria-label=${t("rateTitle", { title })} onKeyDown=${keys}>
    ${Array.from({ length: max }, (_, at) => at + 1).map(
      (value) => html`<button key=${value} class="scale-value" data-value=${value} aria-label=${t("rateValue", { value, max })} onClick=${() => onRate(value)} data-testid="rate-value">${value}</button>`,
    )}
    <button class="button small square ghost" aria-label=${t("rateClose")} onClick=${onClose}><${Icon} name="close" /></button>
  </div>`;
}
