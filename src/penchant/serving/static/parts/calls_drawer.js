/** The API call behind each action, to copy. */

import { html, useEffect, useRef, useState, useWatched } from "../html.js";
import { base, journal } from "../calls.js";
import { milliseconds, t } from "../language.js";
import { FORMS } from "../snippets.js";
import { Icon } from "./icons.js";

/** The button that opens the journal, and the journal itself, beside the page or below it. */
export function CallsDrawer() {
  const { actions } = useWatched(journal);
  const [open, setOpen] = useState(false);
  const button = useRef(null);
  const drawer = useRef(null);
  useEffect(() => {
    if (open) drawer.current.focus();
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current.focus();
  };
  const keys = (event) => {
    if (event.key === "Escape") close();
  };
  return html`
    <button ref=${button} class="button ghost small" aria-label=${t("calls")} aria-expanded=${open} aria-controls="calls" onClick=${() => setOpen(!open)} data-testid="calls-open">
      <${Icon} name="code" /><span class="wide-only">${t("calls")}</span>
    </button>
    ${open &&
    html`<aside ref=${drawer} id="calls" class="calls" tabindex="-1" aria-label=${t("calls")} onKeyDown=${keys} data-testid="calls">
      <header class="calls-head">
        <div><h2>${t("calls")}</h2><p class="quiet">${t("callsHint")}</p></div>
        <button class="button small ghost" onClick=${() => journal.clear()}>${t("clear")}</button>
        <button class="button ghost square" aria-label=${t("close")} onClick=${close}><${Icon} name="close" /></button>
      </header>
      ${actions.length ? html`<ol class="actions">${actions.map((action) => html`<${Action} key=${action.at.getTime() + action.name()} action=${action} />`)}</ol>` : html`<p class="empty">${t("callsEmpty")}</p>`}
    </aside>`}
  `;
}

function Action({ action }) {
  const time = action.at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return html`<li class="action">
    <h3>${action.name()}<time class="quiet">${time}</time></h3>
    <ol>${action.calls.map((call, at) => html`<${Call} key=${at} call=${call} />`)}</ol>
  </li>`;
}

function Call({ call }) {
  const [copied, setCopied] = useState(null);
  const copy = async (how) => {
    await write(FORMS[how](call, { base, key: journal.key }));
    setCopied(how);
    setTimeout(() => setCopied(null), 1500);
  };
  const good = call.status >= 200 && call.status < 300;
  return html`<li>
    <details class="call" data-testid="call">
      <summary>
        <span class="method">${call.method}</span><span class="path">${call.path}</span>
        <span class=${good ? "status" : "status bad"}>${call.status || "—"}</span><span class="ms">${milliseconds(call.ms)} ms</span>
      </summary>
      <div class="call-body">
        ${call.body !== undefined && html`<h4>${t("body")}</h4><pre tabindex="0">${JSON.stringify(call.body, null, 2)}</pre>`}
        <h4>${t("answer")}</h4>
        <pre tabindex="0">${cut(JSON.stringify(call.answer ?? call.problem, null, 2))}</pre>
        <div class="copies">${Object.keys(FORMS).map((how) => html`<button key=${how} class="button small" aria-label=${t("copyAs", { how })} onClick=${() => copy(how)} data-testid=${`copy-${how.toLowerCase()}`}>
          <${Icon} name=${copied === how ? "check" : "copy"} />${copied === how ? t("copied") : how}
        </button>`)}</div>
      </div>
    </details>
  </li>`;
}

const cut = (text) => (text.length > 4000 ? `${text.slice(0, 4000)}\n…` : text);

/** Into the clipboard; where the browser has none (plain HTTP), through a selection. */
async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  return undefined;
}
