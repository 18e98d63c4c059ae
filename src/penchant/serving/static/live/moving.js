/** Rows that glide to their new place instead of jumping there. */

import { still, useLayoutEffect, useRef } from "../html.js";

/** Animates the children of the element that the ref is given to; children have `data-key`. */
export function useGliding(key) {
  const list = useRef(null);
  const places = useRef(new Map());
  useLayoutEffect(() => {
    if (!list.current) return;
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
