// The theme: as the reader chose, else as the system has it. marimo keeps its own class on the
// body, which follows.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try { return localStorage.getItem("xent-theme"); } catch { return null; }
  };
  function apply() {
    const dark = (chosen() ?? (system.matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "dark" : "light";
    const body = document.body;
    if (!body || body.classList.contains(dark ? "dark" : "light")) return;
    body.classList.remove("light", "light-theme", "dark", "dark-theme");
    body.classList.add(...(dark ? ["dark", "dark-theme"] : ["light", "light-theme"]));
  }
  apply();
  system.addEventListener("change", apply);
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
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(named).observe(document.body, { childList: true, subtree: true });
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.('[data-switch="theme"]')) return;
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("xent-theme", next); } catch { /* for this page only */ }
    root.dataset.theme = next;
    apply();
  });
})();
