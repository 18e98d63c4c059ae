/** What this person has done, each to be taken back; and forgetting all of it. */

import { html, useState, useWatched } from "../html.js";
import { act, ago, quoted, sentence, t } from "../language.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { useGliding } from "./moving.js";

/** The panel. */
export function History({ session }) {
  const { history, total, now_s } = useWatched(session);
  const list = useGliding(history?.map((event) => event.id).join());
  return html`<section class="history panel" aria-labelledby="history-title" data-testid="history">
    <header class="panel-head">
      <h2 id="history-title">${t("history")} ${total > 0 && html`<span class="count">${total}</span>`}</h2>
      <${Forget} session=${session} />
    </header>
    ${history?.length === 0 && html`<p class="empty">${t("historyEmpty")}</p>`}
    <ol ref=${list} class="events">
      ${history?.map((event) => html`<${Happened} key=${event.id} event=${event} now_s=${now_s ?? event.time_s} onUndo=${(name) => session.undo(event.id, name)} />`)}
    </ol>
    ${history?.length < total && html`<button class="button small ghost wide" onClick=${() => session.olderHistory()}>${t("older")}</button>`}
  </section>`;
}

function Happened({ event, now_s, onUndo }) {
  const what = event.value !== null && event.type === "rating" ? t("rated", { value: event.value }) : act(event.type, true);
  const title = event.title ?? event.item ?? event.words ?? "";
  return html`<li data-key=${event.id} class="happened" data-testid="event">
    <div class="happened-text"><span class="title">${title}</span><span class="quiet">${what} · ${ago(event.time_s, now_s)}</span></div>
    <button class="button small ghost" aria-label=${t("undoTitle", { what: `${what} ${quoted(title)}` })} onClick=${() => onUndo(`${what} ${quoted(title)}`)} data-testid="undo"><${Icon} name="undo" />${t("undo")}</button>
  </li>`;
}

/** The button, the question, and the receipt. */
function Forget({ session }) {
  const { user, guest, total, receipt } = useWatched(session);
  const [asking, setAsking] = useState(false);
  const [working, setWorking] = useState(false);
  const close = () => {
    setAsking(false);
    session.set({ receipt: null });
  };
  const erase = async () => {
    setWorking(true);
    await session.forget();
    setWorking(false);
    if (!session.receipt) setAsking(false);
  };
  return html`
    <button class="button small" disabled=${total === 0} title=${total === 0 ? t("forgetNothing") : ""} onClick=${() => (session.set({ receipt: null }), setAsking(true))} data-testid="forget">${guest ? t("forget") : t("forgetThem", { user })}</button>
    <${Dialog} open=${asking} onClose=${close} title=${receipt ? t("forgotten") : t("forgetTitle", { user })} testid="forget-dialog">
      ${receipt
        ? html`<${Receipt} receipt=${receipt} />
            <div class="dialog-ways"><button class="button primary" onClick=${close} data-testid="forget-done">${t("done")}</button></div>`
        : html`<p>${t("forgetText")}</p>
            ${!guest && html`<p class="warning">${t("forgetReal")}</p>`}
            <div class="dialog-ways">
              <button class="button" onClick=${close} data-testid="forget-cancel">${t("cancel")}</button>
              <button class="button danger" disabled=${working} onClick=${erase} data-testid="forget-confirm">${t("forgetDo")}</button>
            </div>`}
    <//>
  `;
}

function Receipt({ receipt }) {
  const trained = new Set(receipt.artifacts);
  const others = receipt.remains.filter((said) => ![...trained].some((name) => said.includes(name)));
  return html`<dl class="receipt" data-testid="receipt" role="status">
    <div><dt>${t("receiptEvents")}</dt><dd>${receipt.events}</dd></div>
    <div><dt>${t("receiptStates")}</dt><dd>${receipt.states}</dd></div>
    <div><dt>${t("receiptRemains")}</dt>
      <dd>${trained.size + others.length === 0 ? t("receiptNothing") : html`<ul>${[...[...trained].map((name) => t("remainsTrained", { name })), ...others.map(sentence)].map((said) => html`<li key=${said}>${said}</li>`)}</ul>`}</dd></div>
  </dl>`;
}
