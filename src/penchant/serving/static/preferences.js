/** What the reader chose, kept in this browser; nothing breaks where it cannot be kept. */

/** The value kept under `name`, or null. */
export function kept(name) {
  try {
    return localStorage.getItem(`penchant.${name}`);
  } catch {
    return null;
  }
}

/** Keep `value` under `name`; null forgets it. */
export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(`penchant.${name}`);
    else localStorage.setItem(`penchant.${name}`, value);
  } catch {
    // a browser without storage: the choice holds until the page is closed
  }
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark now. */
export const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";

/** Turn the theme round; where that is what the system says, follow the system again. */
export function turnTheme() {
  const chosen = isDark() ? "light" : "dark";
  const follows = (chosen === "dark") === systemDark.matches;
  keep("theme", follows ? null : chosen);
  if (follows) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** Be told when the system's theme changes. */
export const onSystemTheme = (tell) => systemDark.addEventListener("change", tell);
