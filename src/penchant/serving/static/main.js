/** The page: its head, and Live or Overview below it. */

import { html, render, useEffect, useReducer, useState } from "./html.js";
import { journal } from "./calls.js";
import { language, onLanguage, speak, t } from "./language.js";
import { isDark, onSystemTheme, turnTheme } from "./preferences.js";
import { Live } from "./live/page.js";
import { Session } from "./live/session.js";
import { Overview } from "./overview/page.js";
import { CallsDrawer } from "./parts/calls_drawer.js";
import { Icon } from "./parts/icons.js";
import { KeyField, OfflineBanner, Toast } from "./parts/toast.js";

const session = new Session();
const here = () => (location.hash === "#/overview" ? "overview" : "live");

function Head({ page }) {
  const [dark, setDark] = useState(isDark());
  useEffect(() => onSystemTheme(() => setDark(isDark())), []);
  const turn = () => (turnTheme(), setDark(isDark()));
  const link = (name, to) => html`<a href=${to} aria-current=${page === name ? "page" : undefined} data-testid=${`nav-${name}`}>${t(name)}</a>`;
  return html`<header class="head">
    <a class="brand" href="#/"><span class="mark" aria-hidden="true"></span>Penchant</a>
    <p class="tagline">${t("tagline")}</p>
    <nav aria-label=${t("pages")}>${link("live", "#/")}${link("overview", "#/overview")}<a href="docs" data-testid="nav-docs">${t("apiDocs")}</a></nav>
    <div class="head-ways">
      <${CallsDrawer} />
      <button class="button ghost small" lang=${language() === "zh" ? "en" : "zh-CN"} aria-label=${t("toOtherTitle")} onClick=${() => speak(language() === "zh" ? "en" : "zh")} data-testid="lang">${t("toOther")}</button>
      <button class="button ghost square" aria-label=${dark ? t("toLight") : t("toDark")} onClick=${turn} data-testid="theme"><${Icon} name=${dark ? "sun" : "moon"} /></button>
    </div>
  </header>`;
}

function Page() {
  const [, again] = useReducer((count) => count + 1, 0);
  const [page, setPage] = useState(here());
  useEffect(() => onLanguage(again), []);
  useEffect(() => {
    const turn = () => (setPage(here()), scrollTo(0, 0));
    addEventListener("hashchange", turn);
    return () => removeEventListener("hashchange", turn);
  }, []);
  useEffect(() => {
    document.title = page === "live" ? "Penchant" : `Penchant · ${t("overview")}`;
  });
  const open = () => session.open();
  return html`
    <button class="skip button" onClick=${() => document.querySelector("main").focus()}>${t("skip")}</button>
    <${Head} page=${page} />
    <${OfflineBanner} onBack=${open} />
    <${KeyField} onKey=${open} />
    <main tabindex="-1" data-page=${page}><h1 class="unseen">Penchant · ${t(page)}</h1>${page === "live" ? html`<${Live} session=${session} />` : html`<${Overview} />`}</main>
    <${Toast} session=${session} />
  `;
}

render(html`<${Page} />`, document.getElementById("page"));
session.open();
