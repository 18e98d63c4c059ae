/** Rows that glide to their new place instead of jumping there. */

import { still, useLayoutEffect, useRef } from "../html.js";

/** Animates the children of the element that the ref is given to; children have `data-key`. */
export function useGliding(key) {
  const list = useRef(null);
  const places = useRef(new Map());
  const held = useRef(null); // what has the focus in the list, and in which row
  useLayoutEffect(() => {
    const rows = list.current;
    if (!rows) return undefined;
    const came = ({ target }) => (held.current = { target, at: [...rows.children].findIndex((row) => row.contains(target)) });
    const went = ({ target }) => queueMicrotask(() => target.isConnected && held.current?.target === target && (held.current = null));
    rows.addEventListener("focusin", came);
    rows.addEventListener("focusout", went);
    return () => (rows.removeEventListener("focusin", came), rows.removeEventListener("focusout", went));
  }, []);
  useLayoutEffect(() => {
    if (!list.current) return;
    if (held.current && !held.current.target.isConnected && document.activeElement === document.body) {
      const { target, at } = held.current;
      held.current = null;
      const row = list.current.children[Math.min(at, list.current.children.length - 1)];
      row?.querySelector(`[data-testid="${target.dataset.testid}"]`)?.focus({ preventScroll: true });
    }
    const now = new Map([...list.current.children].map((row) => [row.dataset.key, row.offsetTop]));
    if (!still()) {
      for (const row of list.current.children) {
        const before = places.current.get(row.dataset.key);
        const by = before - now.get(row.dataset.key);
        if (by) row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 420, easing: "cubic-bezier(.2,.7,.2,1)" });
        else if (before === undefined && places.current.size) row.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 420 });
      }
    }
    places.current = now;
  }, [key]);
  return list;
}
