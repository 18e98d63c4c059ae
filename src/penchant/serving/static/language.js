/** The language of the page: phrases, numbers, times and names in it. */

import { ACTS, FIGURES, GENRES, PROBLEMS, SENTENCES, SOURCES, WORDS } from "./words.js";
import { kept, keep } from "./preferences.js";

const asked = new URLSearchParams(location.search).get("lang") ?? kept("lang") ?? navigator.language;
let current = asked.toLowerCase().startsWith("zh") ? "zh" : "en";
const listeners = new Set();
const genre = new RegExp(`(?<![\\w-])(?:${Object.keys(GENRES).sort((a, b) => b.length - a.length).join("|")})(?![\\w-])`, "g");

/** "en" or "zh". */
export const language = () => current;
const locale = () => (current === "zh" ? "zh-CN" : "en");

/** Speak the other language from now on. */
export function speak(chosen) {
  current = chosen;
  keep("lang", chosen);
  document.documentElement.lang = locale();
  listeners.forEach((tell) => tell());
}

/** Be told when the language changes; gives back what ends it. */
export function onLanguage(tell) {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** The phrase of `key`, filled in; `n` chooses singular or plural. */
export function t(key, values = {}) {
  let phrase = WORDS[current][key] ?? key;
  if (typeof phrase === "object") phrase = ((values.count ?? values.n) === 1 && phrase.one) || phrase.other;
  return phrase.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value, 0, 2) : value;
  });
}

export const number = (value, digits = 0, most = digits) => new Intl.NumberFormat(locale(), { maximumFractionDigits: most, minimumFractionDigits: digits }).format(value);
export const percent = (value, digits = 1) => new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
export const compact = (value) => new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 }).format(value);
export const milliseconds = (value) => number(value, value < 9.95 ? 1 : 0);
export const day = (time_s) => new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(time_s * 1000);
export const moment = (time_s) => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(time_s * 1000);

/** A span of days as people say it. */
export function span(days) {
  if (days < 1) return t("hours", { n: Math.max(1, Math.round(days * 24)) });
  if (days < 60) return t("days", { n: Math.round(days) });
  return days < 730 ? t("months", { n: Math.round(days / 30.4) }) : t("years", { n: Math.round(days / 365.25) });
}

/** How long ago `time_s` was at `now_s`: "3 minutes ago". */
export function ago(time_s, now_s) {
  const seconds = time_s - now_s;
  const units = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(Math.round(Math.min(0, seconds) / size), unit);
}

/** A length of time: "2 h 5 min". */
export function lasting(seconds) {
  const parts = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const first = Math.max(0, parts.findIndex(([, size]) => seconds >= size));
  let left = seconds;
  const shown = parts.slice(0, first + 2).map(([unit, size]) => [unit, Math.floor(left / size), (left %= size)]);
  const words = shown.filter(([, count], at) => at >= (seconds < 1 ? 3 : first) && (count || at === first));
  return words.map(([unit, count]) => new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(count)).join(" ") || "0";
}

/** A category or a topic's label: genres are translated, title words are not. */
export function label(name) {
  if (current === "en") return name;
  const [genres, ...rest] = name.split(":");
  return [genres.replace(genre, (found) => GENRES[found]), ...rest].join(":");
}

export const isGenre = (name) => name in GENRES;
export const sourceName = (source) => SOURCES[source]?.[current][0] ?? source;
export const sourceMeaning = (source) => SOURCES[source]?.[current][1] ?? "";
/** What a figure of the quality report is called. */
export const figureName = (key) => FIGURES[key]?.[current === "zh" ? 1 : 0] ?? key.replaceAll("_", " ");
/** A sentence of the server in the reader's language, as far as it is known. */
export const sentence = (text) => (current === "zh" ? SENTENCES.reduce((said, [pattern, words]) => said.replace(pattern, words), text) : text);
/** What a problem of the server is called, by the end of its type; `title` is its English. */
export const problemTitle = (slug, title) => (current === "zh" && PROBLEMS[slug]) || title;
export const sourceFamily = (source) => SOURCES[source]?.family ?? "other";

/** What to call doing (0) or having done (1) an event of a type. */
export const act = (type, done = false) => (ACTS[type] ? t(ACTS[type][Number(done)]) : type);
/** A title as it stands in a sentence. */
export const quoted = (title) => (current === "zh" ? `“${title}”` : title);
/** "A, B and C". */
export const listed = (names) => (names.length < 2 ? (names[0] ?? "") : names.slice(0, -1).join(current === "zh" ? "、" : ", ") + t("and") + names.at(-1));

document.documentElement.lang = locale();
