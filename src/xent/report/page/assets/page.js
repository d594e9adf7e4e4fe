(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  // theme: the reader's choice over the system's, kept where the browser allows
  var toggle = document.querySelector(".theme");
  var system = matchMedia("(prefers-color-scheme: dark)");
  function isDark() {
    var chosen = root.getAttribute("data-theme");
    return chosen ? chosen === "dark" : system.matches;
  }
  function show() {
    toggle.setAttribute("aria-pressed", String(isDark()));
  }
  try {
    var kept = localStorage.getItem("xent-theme");
    if (kept === "dark" || kept === "light") root.setAttribute("data-theme", kept);
  } catch (e) { /* a page from disk may have no storage */ }
  toggle.addEventListener("click", function () {
    var next = isDark() ? "light" : "dark";
    root.setAttribute("data-theme", next);
    try { localStorage.setItem("xent-theme", next); } catch (e) { /* as above */ }
    show();
  });
  system.addEventListener("change", show);
  show();

  // tables: a heading sorts by its column, largest number first; again, the other way
  var collator = new Intl.Collator(root.lang, { numeric: true });
  function value(row, column) {
    var cell = row.cells[column];
    var raw = cell.getAttribute("data-v");
    return raw === null ? cell.textContent.trim() : Number(raw);
  }
  function compare(a, b) {
    if (typeof a === "string" || typeof b === "string") return collator.compare(String(a), String(b));
    return a < b ? -1 : a > b ? 1 : 0;
  }
  document.querySelectorAll("table[data-sorts]").forEach(function (table) {
    var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
    var body = table.tBodies[0];
    var first = Array.prototype.slice.call(body.rows);
    heads.forEach(function (head, column) {
      var button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        var text = head.classList.contains("t");
        var up = now === "descending" ? true : now === "ascending" ? false : text;
        heads.forEach(function (h) { if (h.querySelector("button")) h.setAttribute("aria-sort", "none"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        first
          .map(function (row, i) { return { row: row, v: value(row, column), i: i }; })
          .sort(function (a, b) {
            // what has no value is last, whichever way
            var gone = (a.v !== a.v) - (b.v !== b.v);
            return gone || (up ? compare(a.v, b.v) : compare(b.v, a.v)) || a.i - b.i;
          })
          .forEach(function (item) { body.appendChild(item.row); });
      });
    });
  });

  // panels: one at a time, chosen from a list
  document.querySelectorAll(".picker select").forEach(function (select) {
    function choose() {
      Array.prototype.forEach.call(select.options, function (option) {
        document.getElementById(option.value).hidden = !option.selected;
      });
    }
    select.addEventListener("change", choose);
    choose();
  });
})();
