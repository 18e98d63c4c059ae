/** What every part of the page is made of: elements, state, and the words of the language. */

import { h, render } from "./vendor/preact.js";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "./vendor/preact-hooks.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { render, useEffect, useLayoutEffect, useReducer, useRef, useState };

/** Something that parts of the page watch. */
export class Watched {
  #watchers = new Set();

  watch(tell) {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Take over `changes` and tell everybody who watches. */
  set(changes) {
    Object.assign(this, changes);
    this.#watchers.forEach((tell) => tell());
  }
}

/** Draw again whenever `watched` changes. */
export function useWatched(watched) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => watched.watch(again), [watched]);
  return watched;
}

/** Whether the reader asked for less motion. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
