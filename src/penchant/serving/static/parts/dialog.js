/** A dialog over the page: the browser keeps the focus in it and Escape closes it. */

import { html, useEffect, useRef } from "../html.js";

/** `children` in a modal dialog while `open`; `onClose` when the reader leaves it. */
export function Dialog({ open, onClose, title, testid, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    if (open && !dialog.current.open) dialog.current.showModal();
    if (!open && dialog.current.open) dialog.current.close();
  }, [open]);
  const outside = (event) => event.target === dialog.current && onClose();
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby=${open ? `${testid}-title` : undefined} data-testid=${testid} onClose=${onClose} onClick=${outside}>
    ${open && html`<div class="dialog-body"><h2 id=${`${testid}-title`}>${title}</h2>${children}</div>`}
  </dialog>`;
}
