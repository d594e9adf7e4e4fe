// Under each result of a search: the place in the page that has the words, from texts.js.
(() => {
  const BEFORE = 80;
  const AFTER = 160;

  // What is asked, and shorter and shorter beginnings of it: the search finds stems of words.
  function* wanted(terms) {
    yield* terms;
    for (let cut = 1; cut <= 4; cut += 1)
      for (const term of terms) if (term.length - cut >= 2) yield term.slice(0, -cut);
  }

  function find(sections, terms) {
    for (const term of wanted(terms))
      for (const [, text] of sections) {
        const place = text.toLowerCase().indexOf(term);
        if (place >= 0) return [text, place, term.length];
      }
    return [sections.map(([, text]) => text).find(Boolean) ?? "", 0, 0];
  }

  function excerpt(sections, terms) {
    const [text, place, length] = find(sections, terms);
    // begin and end between words
    const start = place <= BEFORE ? 0 : text.indexOf(" ", place - BEFORE) + 1 || place;
    const begin = Math.min(start, place);
    const space = text.lastIndexOf(" ", place + AFTER);
    const end = text.length <= place + AFTER ? text.length : Math.max(space, place + length);
    const shown = document.createElement("p");
    shown.className = "context";
    const hit = document.createElement("span");
    hit.className = "highlighted";
    hit.textContent = text.slice(place, place + length);
    shown.append(begin ? "… " : "", text.slice(begin, place));
    if (length) shown.append(hit);
    shown.append(text.slice(place + length, end), end < text.length ? " …" : "");
    return shown;
  }

  function explain(result) {
    const link = result.querySelector("a");
    if (!link || result.querySelector("p.context")) return;
    const [path, anchor] = link.getAttribute("href").split("#");
    const page = TEXTS[path.replace(/\.html$/, "")];
    // a function is described beside its name already
    if (!page || result.querySelector("span")) return;
    const asked = new URLSearchParams(location.search).get("q") ?? "";
    // the longest is mostly the rarest
    const terms = asked.toLowerCase().split(/\s+/).filter(Boolean);
    terms.sort((a, b) => b.length - a.length);
    const there = page.filter(([ids]) => ids.includes(anchor));
    result.append(excerpt(there.length ? there : page, terms));
  }

  document.addEventListener("DOMContentLoaded", () => {
    const results = document.getElementById("search-results");
    const title = document.createElement("h1");
    title.textContent = document.querySelector(".sidebar-search")?.placeholder ?? "Search";
    results.before(title);
    const all = () => results.querySelectorAll("li").forEach(explain);
    new MutationObserver(all).observe(results, { childList: true, subtree: true });
  });
})();
