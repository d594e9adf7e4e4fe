// What is wider than its place, code, formulas, tables and drawings, is scrolled by keys too; and
// the two columns beside a page have names.
(() => {
  const SCROLLS = ".highlight pre, div.math, .table-wrapper, .house-frame, .benchmark-times";
  const NAMES = {
    en: { ".sidebar-drawer": "All pages", ".toc-drawer": "This page" },
    zh: { ".sidebar-drawer": "所有页面", ".toc-drawer": "本页" },
  };
  function reach(place) {
    if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
    else place.removeAttribute("tabindex");
  }
  const watch = new ResizeObserver((seen) => seen.forEach(({ target }) => reach(target)));
  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll(SCROLLS)) watch.observe(place);
    const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
    for (const [column, name] of Object.entries(NAMES[lang]))
      document.querySelector(column)?.setAttribute("aria-label", name);
  });
})();
