// A picture with handles, and its controls. What moves is sent to Python with a number;
// the picture that comes back with that number is its answer. One question is under way at a
// time, and the newest value waits: a fast hand skips pictures and never queues them.

const NARROW_BELOW = 560;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function decimals(step) {
  const text = String(step);
  return text.includes("e-") ? Number(text.split("e-")[1]) : (text.split(".")[1] || "").length;
}

// a slider's own scale: the value, or its power of ten
const scaled = (control, value) => (control.logarithmic ? Math.log10(value) : value);
function unscaled(control, at) {
  if (!control.logarithmic) return at;
  return control.step === 1 ? Math.round(10 ** at) : Number((10 ** at).toPrecision(6));
}

// a displayed end of the slider is exact: 7e-8 is not 0.00
function written(control, value) {
  const plain = value.toFixed(decimals(control.step));
  if (control.step === 1) return plain.replace("-", "−");
  const falls = [control.low, control.high].some((end) => Number(plain) === end && value !== end);
  if (!control.logarithmic && !falls) return plain.replace("-", "−");
  const shown = Number(value.toPrecision(3));
  const small = shown !== 0 && Math.abs(shown) < 1e-3;
  return (small ? shown.toExponential() : String(shown)).replaceAll("-", "−");
}

function slider(control, move) {
  const input = element("input", {
    type: "range",
    min: scaled(control, control.low),
    max: scaled(control, control.high),
    step: control.logarithmic ? "any" : control.step,
    "data-control": control.name,
  });
  input.style.accentColor = `var(--x-${control.colour})`;
  // the slider itself says its value; an output would say it again at each step
  const output = element("output", { "aria-live": "off" });
  const label = element("label", { class: `slider text-${control.colour}` });
  label.innerHTML = `<span class="name">${control.label}</span>`;
  // a label names the first of what it holds that can have one, and that is the output
  input.setAttribute("aria-label", label.textContent);
  label.append(output, input);
  input.addEventListener("input", () => move(control.name, unscaled(control, Number(input.value))));
  if (control.logarithmic) {
    // "any" leaves the arrow keys to the browser, whose step differs: a twentieth of a power of ten
    input.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const now = Number(input.value);
      const at = Math.round((now + 0.05 * way) * 20) / 20;
      let value = unscaled(control, at);
      // few whole numbers are a twentieth apart where they are small
      if (control.step === 1 && value === unscaled(control, now)) value += way;
      move(control.name, Math.min(control.high, Math.max(control.low, value)));
    });
  }
  const put = (value) => {
    input.value = scaled(control, value);
    output.textContent = written(control, value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  return { node: label, put, focus: () => input.focus({ preventScroll: true }) };
}

function choice(control, move) {
  const group = element("div", { class: "choice", role: "group", "data-control": control.name });
  group.setAttribute("aria-label", control.label);
  if (control.label) group.append(element("span", { class: "name" }, control.label));
  const buttons = Object.entries(control.options).map(([key, shown]) => {
    const button = element("button", { type: "button", "data-option": key }, shown);
    button.addEventListener("click", () => move(control.name, key));
    group.append(button);
    return [key, button];
  });
  const put = (value) => {
    for (const [key, button] of buttons) button.setAttribute("aria-pressed", key === value);
  };
  return { node: group, put };
}

function button(control, move) {
  const node = element("button", { type: "button", "data-control": control.name }, control.label);
  node.addEventListener("click", () => move(control.name, null));
  return { node, put: () => {} };
}

// the button that plays shows a triangle or two bars, and says which of the two it does
function play(control, move) {
  const icon = element("span", { class: "icon", "aria-hidden": "true" });
  const name = element("span");
  const node = element("button", { type: "button", class: "play", "data-control": control.name }, icon, name);
  node.addEventListener("click", () => move(control.name, null));
  const put = (playing) => {
    name.textContent = playing ? control.pause : control.label;
    node.setAttribute("aria-label", name.textContent);
    node.toggleAttribute("data-playing", playing);
  };
  put(false);
  return { node, put };
}

const KINDS = { slider, choice, button, play };
const LONGEST_FRAME = 100; // milliseconds: who comes back to a hidden page has missed nothing

function render({ model, el }) {
  const spec = model.get("spec");
  const local = { ...model.get("shown").values };
  let asked = model.get("shown").n;
  let flying = false;
  const waiting = new Map();
  let timer = 0;
  let held = null;
  let playing = null; // the button that plays, the slider that it moves, its next frame
  let paused = null; // the button that goes on from where it stopped

  function send(name, value) {
    flying = true;
    figure.dataset.waiting = ""; // for tests: an answer is still to come
    asked += 1;
    model.set("asked", { n: asked, moved: name, value });
    model.save_changes();
    clearTimeout(timer);
    timer = setTimeout(landed, 2000);
  }
  function landed() {
    clearTimeout(timer);
    flying = false;
    const next = waiting.entries().next();
    if (next.done) {
      delete figure.dataset.waiting;
      return;
    }
    waiting.delete(next.value[0]);
    send(...next.value);
  }
  function move(name, value) {
    if (value !== null) {
      local[name] = value;
      put(name);
    }
    if (flying) waiting.set(name, value);
    else send(name, value);
  }
  // what plays leaves everything to the hand
  function byHand(name, value) {
    const { control } = made.get(name);
    const again = playing?.button === control;
    const from = paused;
    stop();
    if (again) paused = control;
    else if (control.kind === "play") start(control, from);
    else move(name, value);
  }
  function start(button, from) {
    const { control } = made.get(button.moves);
    const end = () => model.get("shown").until[button.name];
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      move(control.name, end());
      return;
    }
    const [low, high] = [control.low, control.high].map((value) => scaled(control, value));
    const speed = (high - low) / (1000 * button.seconds);
    let at = from === button ? scaled(control, local[control.name]) : low;
    let before = performance.now();
    function frame(now) {
      at += speed * Math.min(LONGEST_FRAME, Math.max(0, now - before));
      before = now;
      const over = at >= scaled(control, end());
      if (over) stop();
      else playing.frame = requestAnimationFrame(frame);
      move(control.name, over ? end() : unscaled(control, at));
    }
    playing = { button, moves: control.name, frame: requestAnimationFrame(frame) };
    made.get(button.name).put(true);
  }
  function stop() {
    paused = null;
    if (!playing) return;
    cancelAnimationFrame(playing.frame);
    made.get(playing.button.name).put(false);
    playing = null;
  }

  const made = new Map();
  const sliders = element("div", { class: "sliders" });
  const actions = element("div", { class: "actions" });
  const panel = element("div", { class: "controls" });
  for (const control of spec.controls) {
    const one = KINDS[control.kind](control, byHand);
    made.set(control.name, { control, ...one });
    (control.kind === "slider" ? sliders : actions).append(one.node);
  }
  for (const row of [sliders, actions]) if (row.childElementCount) panel.append(row);
  const put = (name) => {
    if (name in local) made.get(name)?.put(local[name]);
  };

  const view = element("div", { class: "view" });
  const wrong = element("p", { class: "wrong", role: "alert", hidden: "" });
  const caption = element("figcaption");
  caption.innerHTML = spec.caption;
  const download = element("button", { type: "button", class: "download" }, spec.download);
  const foot = element("div", { class: "foot" }, caption, download);
  const figure = element("figure", { class: "stage", "data-stage": spec.name }, view, wrong);
  if (spec.controls.length) figure.append(panel);
  figure.append(foot);
  el.append(figure);

  // a finger loses what it holds when that leaves the page, so the picture that was touched
  // stays, unseen, until the finger is lifted
  let touched = null;
  function draw() {
    const shown = model.get("shown");
    const made = element("div", { class: "drawn" });
    made.innerHTML = view.clientWidth && view.clientWidth < NARROW_BELOW ? shown.narrow : shown.wide;
    if (touched) touched.classList.add("touched");
    for (const old of [...view.children]) if (old !== touched) old.remove();
    view.append(made);
    wrong.textContent = shown.wrong;
    wrong.hidden = !shown.wrong;
    figure.dataset.n = shown.n;
  }
  function arrived() {
    const shown = model.get("shown");
    for (const [name, value] of Object.entries(shown.values)) {
      // what the hand holds is newer than what comes back
      if (name === held || name === playing?.moves || waiting.has(name)) continue;
      local[name] = value;
      put(name);
    }
    draw();
    if (shown.n === asked && flying) landed();
  }
  model.on("change:shown", arrived);
  let narrow = null;
  const watch = new ResizeObserver(() => {
    const now = view.clientWidth < NARROW_BELOW;
    if (now !== narrow) draw();
    narrow = now;
  });
  watch.observe(view);
  Object.keys(local).forEach(put);
  draw();

  // dragging: the picture is replaced under the hand, so the box around it keeps the pointer
  let drag = null;
  function position(event) {
    const matrix = touched.querySelector("svg").getScreenCTM();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    return drag.along === "x" ? at.x : at.y;
  }
  function pull(event) {
    const { control, from, to } = drag;
    const share = Math.min(1, Math.max(0, (position(event) - drag.offset - from) / (to - from)));
    const low = drag.scaled(control.low);
    let value = low + share * (drag.scaled(control.high) - low);
    if (drag.log) value = unscaled(control, value);
    if (!control.logarithmic) {
      value = control.low + Math.round((value - control.low) / control.step) * control.step;
    }
    value = Math.min(control.high, Math.max(control.low, Number(value.toPrecision(6))));
    move(control.name, value);
  }
  view.addEventListener("pointerdown", (event) => {
    const target = event.target.closest("[data-handle]");
    if (!target || event.button > 0) return;
    stop();
    const one = made.get(target.dataset.handle);
    const { along, from, to, scale } = target.dataset;
    const log = scale === "log";
    const power = (value) => (log ? Math.log10(value) : value);
    drag = { control: one.control, along, from: +from, to: +to, log, scaled: power, offset: 0 };
    const low = power(one.control.low);
    const share = (power(local[one.control.name]) - low) / (power(one.control.high) - low);
    touched = view.lastElementChild;
    const off = position(event) - (drag.from + share * (drag.to - drag.from));
    if (Math.abs(off) < 24) drag.offset = off; // the knob does not jump under the finger
    held = one.control.name;
    view.setPointerCapture(event.pointerId);
    view.classList.add("dragging");
    event.preventDefault();
    one.focus?.(); // the arrow keys go on from here
    pull(event);
  });
  view.addEventListener("pointermove", (event) => {
    if (drag) pull(event);
  });
  // the page does not scroll under a finger that drags
  view.addEventListener("touchmove", (event) => drag && event.preventDefault(), { passive: false });
  function release() {
    drag = null;
    held = null;
    if (touched && touched !== view.lastElementChild) touched.remove();
    touched = null;
    view.classList.remove("dragging");
  }
  view.addEventListener("pointerup", release);
  view.addEventListener("pointercancel", release);
  for (const name of ["change", "pointerup"]) panel.addEventListener(name, () => (held = null));
  panel.addEventListener("input", (event) => (held = event.target.dataset.control ?? null));

  download.addEventListener("click", () => {
    const file = new Blob([model.get("shown").file], { type: "image/svg+xml" });
    const link = element("a", { href: URL.createObjectURL(file), download: `${spec.name}.svg` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  return () => {
    watch.disconnect();
    model.off("change:shown", arrived);
    clearTimeout(timer);
    stop();
  };
}

export default { render };
