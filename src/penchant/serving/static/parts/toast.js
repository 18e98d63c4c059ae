/** What went well or wrong, said where it is seen, with a way to try again. */

import { html, useEffect, useWatched } from "../html.js";
import { journal } from "../calls.js";
import { t } from "../language.js";
import { Icon } from "./icons.js";

const GONE_AFTER_MS = 4000;

/** The session's latest notice; a mistake stays until it is closed. */
export function Toast({ session }) {
  const { notice } = useWatched(session);
  useEffect(() => {
    if (!notice || notice.kind === "bad") return undefined;
    const timer = setTimeout(() => session.notice === notice && session.set({ notice: null }), GONE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  const close = () => session.set({ notice: null });
  const retry = () => (close(), notice.retry());
  return html`<div class="toasts" role=${notice?.kind === "bad" ? "alert" : "status"}>
    ${notice &&
    html`<div class=${`toast ${notice.kind}`} data-testid="toast">
      <div class="toast-text">
        <strong>${notice.text}</strong>
        ${notice.detail && html`<span>${notice.detail}</span>`}
        ${notice.request && html`<span class="quiet">${t("requestId", { id: notice.request })}</span>`}
      </div>
      ${notice.retry && html`<button class="button small" onClick=${retry} data-testid="retry">${t("again")}</button>`}
      <button class="button ghost square" aria-label=${t("close")} onClick=${close}><${Icon} name="close" /></button>
    </div>`}
  </div>`;
}

/** Says that the server is away, and asks until it is back. */
export function OfflineBanner({ onBack }) {
  const { offline } = useWatched(journal);
  useEffect(() => {
    if (!offline) return undefined;
    const asking = setInterval(async () => {
      const alive = await journal.client(() => t("healthy")).call("GET", "/health/live").catch(() => null);
      if (alive) onBack();
    }, 3000);
    return () => clearInterval(asking);
  }, [offline]);
  return offline && html`<div class="banner" role="alert" data-testid="offline">${t("offline")}</div>`;
}

/** Asks for the key where the server wants one. */
export function KeyField({ onKey }) {
  const { locked } = useWatched(journal);
  if (!locked) return null;
  const use = (event) => {
    event.preventDefault();
    journal.useKey(new FormData(event.target).get("key").trim());
    onKey();
  };
  return html`<form class="key" onSubmit=${use} data-testid="key">
    <label for="key">${t("key")}</label>
    <input id="key" name="key" type="password" autocomplete="off" required pattern="\\s*[!-~]+\\s*" aria-describedby="key-hint" />
    <button class="button">${t("keyUse")}</button>
    <span id="key-hint" class="quiet">${t("keyHint")}</span>
  </form>`;
}
