/** One API call as a line of curl, as Python (penchant.client), and as JavaScript (penchant.js). */

// what each route is called in the two clients; what its pattern catches is the first argument
const ROUTES = [
  ["POST", /^\/events$/, "observe", "observe"],
  ["DELETE", /^\/events\/([^/]+)$/, "undo", "undo"],
  ["GET", /^\/items$/, "search", "items"],
  ["GET", /^\/categories$/, "categories", "categories"],
  ["GET", /^\/users$/, "users", "users"],
  ["DELETE", /^\/users\/([^/]+)$/, "forget", "forget"],
  ["GET", /^\/users\/([^/]+)\/history$/, "history", "history"],
  ["GET", /^\/users\/([^/]+)\/interests$/, "interests", "interests"],
  ["GET", /^\/users\/([^/]+)\/interests\/timeline$/, "timeline", "timeline"],
  ["GET", /^\/users\/([^/]+)\/recommendations$/, "recommend", "recommend"],
  ["GET", /^\/about$/, "about", "about"],
  ["GET", /^\/overview$/, "overview", "overview"],
];
const NUMBERS = new Set(["n", "limit", "offset", "diversity"]);
const TRUTHS = new Set(["repeats", "reasons"]);

/** Which method of the clients makes `call`, with which arguments; null where none does. */
function asked(call) {
  const [path, search = ""] = call.path.split("?");
  for (const [method, pattern, python, javascript] of ROUTES) {
    const found = method === call.method && pattern.exec(path);
    if (found) return { python, javascript, first: found.slice(1).map(decodeURIComponent), query: queried(search) };
  }
  return null;
}

function queried(search) {
  const query = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === "category" || name === "exclude") (query[name] ??= []).push(value);
    else query[name] = NUMBERS.has(name) ? Number(value) : TRUTHS.has(name) ? value === "true" : value;
  }
  return query;
}

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl(call, { base, key }) {
  const parts = ["curl"];
  if (call.method !== "GET") parts.push("-X", call.method);
  if (key) parts.push("-H", '"Authorization: Bearer $PENCHANT_KEY"');
  if (call.body !== undefined) parts.push("-H", shell("content-type: application/json"), "-d", shell(JSON.stringify(call.body)));
  return [...parts, shell(base + call.path)].join(" ");
}

const literal = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : value === null ? "None" : Array.isArray(value) ? `[${value.map(literal).join(", ")}]` : JSON.stringify(value));
const named = (values) => Object.entries(values).map(([name, value]) => `${name}=${literal(value)}`);

/** With what comes with the package; the key, if any, is that of PENCHANT_KEY. */
function python(call, { base }) {
  const { python: method, first = [], query = {} } = asked(call) ?? {};
  const { category, ...rest } = query;
  const { user, item, type, ...more } = call.body ?? {};
  const body = call.body === undefined ? [] : [...[user, item, type].map(literal), ...named(JSON.parse(JSON.stringify(more)))];
  const args = [...first.map(literal), ...body, ...named(rest), ...(category ? named({ categories: category }) : [])];
  const done = method ? `print(penchant.${method}(${args.join(", ")}))` : `print(penchant.health())`;
  return `from penchant.client import Client\n\nwith Client(${literal(base)}) as penchant:\n    ${done}\n`;
}

/** With the client that the page itself uses. */
function javascript(call, { base, key }) {
  const { javascript: method, first = [], query = {} } = asked(call) ?? {};
  const options = [...(call.body === undefined ? [] : [call.body]), ...(Object.keys(query).length ? [query] : [])];
  const args = [...first, ...options].map((value) => JSON.stringify(value)).join(", ");
  const done = method ? `${method}(${args})` : `call(${JSON.stringify(call.method)}, ${JSON.stringify(call.path)})`;
  return `import { Penchant } from "./penchant.js"; // ${base}/static/penchant.js\n\nconst penchant = new Penchant({ url: ${JSON.stringify(base)}${key ? ", key: process.env.PENCHANT_KEY" : ""} });\nconsole.log(await penchant.${done});\n`;
}

/** By the name that a reader chooses: (call, {base, key}) -> text. */
export const FORMS = { curl, Python: python, JavaScript: javascript };
