// The theme: as the reader chose, else as the system has it. marimo keeps its own class on the
// body, which follows.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // colours that the system forces on pages are those of its own theme
  const forced = matchMedia("(forced-colors: active)");
  const chosen = () => {
    if (forced.matches) return null;
    try { return localStorage.getItem("xent-theme"); } catch { return null; }
  };
  function apply() {
    const dark = (chosen() ?? (system.matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "dark" : "light";
    framed();
    const body = document.body;
    if (!body || body.classList.contains(dark ? "dark" : "light")) return;
    body.classList.remove("light", "light-theme", "dark", "dark-theme");
    body.classList.add(...(dark ? ["dark", "dark-theme"] : ["light", "light-theme"]));
  }
  // a report in a frame of its own would have the theme of the system: it is written into the frame
  // with that of the page
  function framed() {
    const { theme } = root.dataset;
    for (const frame of document.querySelectorAll("iframe[data-report]")) {
      if (frame.dataset.theme === theme) continue;
      frame.dataset.theme = theme;
      frame.srcdoc = frame.dataset.report.replace("<html", `<html data-theme="${theme}"`);
    }
  }
  apply();
  for (const asked of [system, forced]) asked.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
  });
  // what marimo builds later: the landmark of the page, and the name of a file's input, which is
  // written beside it
  function named() {
    document.getElementById("App")?.setAttribute("role", "main");
    for (const file of document.querySelectorAll("marimo-file")) {
      const input = file.shadowRoot?.querySelector("input[type=file]:not([aria-label])");
      input?.setAttribute("aria-label", input.parentElement.innerText.trim());
    }
  }
  // a formula that is wider than its place is scrolled by keys too
  const reach = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  function formulas() {
    for (const formula of document.querySelectorAll("#App .prose > marimo-tex")) reach.observe(formula);
  }
  // marimo's own words, in those of texts/marimo.py
  const words = JSON.parse(document.getElementById("x-words").textContent);
  const lang = root.lang.startsWith("zh") ? "zh" : "en";
  const CONTROLS = "marimo-file, marimo-multiselect, marimo-dropdown, marimo-radio, marimo-text";
  const SPOKEN = ["aria-label", "placeholder", "title"];
  function translated(text, inFile) {
    const key = text.trim();
    const found = (inFile && words.in_files[key]) || words.said[key];
    return found?.[lang] ?? text;
  }
  function translate(node, inFile) {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = translated(node.data, inFile);
      if (text !== node.data) node.data = text;
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches("script, style, svg, iframe")) return;
    for (const name of SPOKEN) {
      const text = node.getAttribute(name);
      if (text && translated(text, inFile) !== text) node.setAttribute(name, translated(text, inFile));
    }
    for (const child of node.childNodes) translate(child, inFile);
  }
  const WATCHED = { childList: true, characterData: true, subtree: true };
  function watch(place, inFile) {
    for (const child of place.childNodes) translate(child, inFile);
    new MutationObserver((changes) => {
      for (const { type, target, addedNodes } of changes) {
        for (const node of type === "childList" ? addedNodes : [target]) translate(node, inFile);
      }
    }).observe(place, WATCHED);
  }
  const watched = new WeakSet();
  function watchControls() {
    for (const { shadowRoot, localName } of document.querySelectorAll(CONTROLS)) {
      if (!shadowRoot || watched.has(shadowRoot)) continue;
      watched.add(shadowRoot);
      watch(shadowRoot, localName === "marimo-file");
    }
  }
  document.addEventListener("DOMContentLoaded", () => {
    watch(document.body, false);
    for (const late of [framed, named, formulas, watchControls]) {
      new MutationObserver(late).observe(document.body, { childList: true, subtree: true });
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.('[data-switch="theme"]')) return;
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("xent-theme", next); } catch { /* for this page only */ }
    root.dataset.theme = next;
    apply();
  });
})();
