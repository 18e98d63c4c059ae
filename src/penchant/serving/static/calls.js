/** The journal of API calls: which action made which, and each as curl, Python and JavaScript. */

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
    const action = { name, at: new Date(), calls: [] };
    return new Penchant({ url: base, key: this.key, tries: 2, onCall: (call) => this.#write(action, call) });
  }

  clear() {
    this.set({ actions: [] });
  }

  #write(action, call) {
    action.calls = [...action.calls, call];
    const known = this.actions[0] === action || this.actions.includes(action);
    const actions = known ? [...this.actions] : [action, ...this.actions].slice(0, KEPT);
    this.set({ actions, offline: call.status === 0, locked: call.status === 401 || (this.locked && call.status === 0) });
  }
}

/** Where the API is: beside the page. */
export const base = new URL(".", document.baseURI).href.replace(/\/$/, "");
export const journal = new Journal();

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** As a line of curl. */
function curl(call) {
  const parts = ["curl"];
  if (call.method !== "GET") parts.push("-X", call.method);
  if (journal.key) parts.push("-H", '"Authorization: Bearer $PENCHANT_KEY"');
  if (call.body !== undefined) parts.push("-H", shell("content-type: application/json"), "-d", shell(JSON.stringify(call.body)));
  return [...parts, shell(base + call.path)].join(" ");
}

const python = (value) => {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${python(one)}`).join(", ")}}`;
  return JSON.stringify(value);
};

/** As Python, with what comes with the package. */
function asPython(call) {
  const key = journal.key ? ', key=os.environ["PENCHANT_KEY"]' : "";
  const head = `${journal.key ? "import os\n" : ""}from penchant.client import Client\n\nwith Client("${base}"${key}) as penchant:\n    `;
  return `${head}print(${pythonCall(call)})`;
}

/** As JavaScript, with the client that this page itself uses. */
function asJavaScript(call) {
  const key = journal.key ? ", key: process.env.PENCHANT_KEY" : "";
  const options = call.body === undefined ? "" : `, { body: ${JSON.stringify(call.body)} }`;
  return `import { Penchant } from "${base}/static/penchant.js";\n\nconst penchant = new Penchant({ url: "${base}"${key} });\nconsole.log(await penchant.call("${call.method}", "${call.path}"${options}));`;
}

function pythonCall(call) {
  return `penchant.call(${[JSON.stringify(call.method), JSON.stringify(call.path), ...(call.body === undefined ? [] : [python(call.body)])].join(", ")})`;
}

export const FORMS = { curl, Python: asPython, JavaScript: asJavaScript };

