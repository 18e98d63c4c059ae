// Before the first paint: the theme and the language that were chosen, so that nothing flashes.
try {
  const theme = localStorage.getItem("penchant.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // without storage the system's theme holds
}
