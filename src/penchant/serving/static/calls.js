/** The journal of API calls: which action made which. */

import { Penchant } from "./penchant.js";
import { Watched } from "./html.js";

const KEPT = 60; // actions in the journal

class Journal extends Watched {
  actions = [];
  offline = false;
  locked = false; // the server asked for a key
  key = null;

  constructor() {
    super();
    try {
      this.key = sessionStorage.getItem("penchant.key");
    } catch {
      // without storage the key is asked for again
    }
  }

  /** From now on, call with this key. */
  useKey(key) {
    try {
      sessionStorage.setItem("penchant.key", key);
    } catch {
      // it holds until the page is closed
    }
    this.set({ key, locked: false });
  }

  /** A client whose calls are written down under `name`, a function that says it in words. */
  client(name) {
    const action = { name, at: new Date(), calls: [], key: this.key };
    return new Penchant({ url: base, key: this.key, tries: 2, onCall: (call) => this.#write(action, call) });
  }

  clear() {
    this.set({ actions: [] });
  }

  #write(action, call) {
    action.calls = [...action.calls, call];
    const known = this.actions[0] === action || this.actions.includes(action);
    const actions = known ? [...this.actions] : [action, ...this.actions].slice(0, KEPT);
    this.set({ actions, offline: call.status === 0, locked: this.locked || (action.key === this.key && (call.status === 401 || (call.status === 403 && this.key !== null))) });
  }
}

/** Where the API is: beside the page. */
export const base = new URL(".", document.baseURI).href.replace(/\/$/, "");
export const journal = new Journal();
