// SPDX-License-Identifier: Apache-2.0
// The pictures of a pair: frames that swap, and the values under the cursor in all panels at once.
"use strict";

const UNKNOWN = -32768;
const COUNTED = 1;
const KNOWN = 2;
const OCCLUDED = 4;
const FLICKER_MS = 400;

/** The bytes of a deflated base64 text. */
async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Undoes `values.pack_flow`: planes of u and v in steps of `unit` px. */
async function unpackFlow({ unit, data }, width, height) {
  const bytes = await inflate(data);
  const count = width * height * 2;
  const steps = new Int16Array(count);
  for (let at = 0; at < count; at++) steps[at] = bytes[at] | (bytes[at + count] << 8);
  for (let at = 0; at < count; at++) if (at % (width * height) >= width) steps[at] += steps[at - width];
  for (let at = 0; at < count; at++) if (at % width) steps[at] += steps[at - 1];
  return { unit, steps, size: width * height };
}

/** u and v at a pixel; null where they are not known. */
function vectorAt(flow, at) {
  if (!flow || flow.steps[at] === UNKNOWN) return null;
  return [flow.steps[at] * flow.unit, flow.steps[at + flow.size] * flow.unit];
}

async function unpackValues(article) {
  const content = JSON.parse(article.querySelector(".values").textContent);
  const { width, height, step } = content;
  const unpack = (flow) => (flow ? unpackFlow(flow, width, height) : null);
  const [flags, truth, ...flows] = await Promise.all([inflate(content.flags), unpack(content.truth), ...content.flows.map(unpack)]);
  return { width, height, step, flags, truth, flows };
}

function vectorText(vector) {
  return vector ? `u ${vector[0].toFixed(2)}  v ${vector[1].toFixed(2)}` : "unknown";
}

function errorText(truth, flow, flags) {
  if (!truth || !(flags & COUNTED)) return "not counted";
  return flow ? `${Math.hypot(flow[0] - truth[0], flow[1] - truth[1]).toFixed(2)} px` : "not finite";
}

/** Writes what all panels say of column i, row j of the values. */
function tellValues(article, values, i, j) {
  const at = j * values.width + i;
  const flags = values.flags[at];
  const truth = vectorAt(values.truth, at);
  const state = !(flags & KNOWN) ? ", no truth" : !(flags & COUNTED) ? ", not counted" : flags & OCCLUDED ? ", occluded" : "";
  article.querySelector(".place").textContent = `x ${i * values.step}  y ${j * values.step}${state}`;
  article.querySelector(".truth output").textContent = vectorText(truth);
  article.querySelectorAll(".flow").forEach((panel, model) => {
    const flow = vectorAt(values.flows[model], at);
    const output = panel.querySelector("output");
    if (output) output.textContent = vectorText(flow);
  });
  article.querySelectorAll(".error").forEach((panel, model) => {
    const output = panel.querySelector("output");
    if (output) output.textContent = errorText(truth, vectorAt(values.flows[model], at), flags);
  });
}

/** Marks a place, 0..1 across and down, in every panel of a pair. */
function pointAt(article, state, x, y) {
  [state.x, state.y] = [x, y];
  article.classList.add("pointed");
  article.style.setProperty("--x", `${x * 100}%`);
  article.style.setProperty("--y", `${y * 100}%`);
  if (!state.values) return;
  const { width, height } = state.values;
  tellValues(article, state.values, Math.min(Math.floor(x * width), width - 1), Math.min(Math.floor(y * height), height - 1));
}

function leave(article) {
  article.classList.remove("pointed");
  for (const output of article.querySelectorAll("output")) output.textContent = "";
}

/** Unpacks the values when they are first wanted; a browser that cannot says so. */
async function prepare(article, state) {
  if (state.begun) return;
  state.begun = true;
  const place = article.querySelector(".place");
  if (typeof DecompressionStream === "undefined") {
    article.querySelector("header").append(make("p", { className: "failure" }, "This browser lacks DecompressionStream, so the values under the cursor cannot be shown."));
    return;
  }
  place.textContent = "unpacking values ...";
  try {
    state.values = await unpackValues(article);
  } catch (error) {
    place.textContent = `the values cannot be unpacked: ${error.message}`;
    return;
  }
  pointAt(article, state, state.x, state.y);
}

/** Swaps the frames by hand or by a clock. */
function startFrames(article) {
  const panel = article.querySelector(".frame");
  const [one, two] = panel.querySelectorAll("img");
  const [swap, flicker] = panel.querySelectorAll("button");
  const show = (second) => {
    one.hidden = second;
    two.hidden = !second;
    swap.setAttribute("aria-pressed", String(second));
    panel.querySelector("figcaption span").textContent = second ? "Frame 2" : "Frame 1";
  };
  let clock = 0;
  const stop = () => {
    clearInterval(clock);
    clock = 0;
    flicker.setAttribute("aria-pressed", "false");
  };
  swap.addEventListener("click", () => {
    stop();
    show(two.hidden);
  });
  flicker.addEventListener("click", () => {
    if (clock) return stop();
    flicker.setAttribute("aria-pressed", "true");
    clock = setInterval(() => show(two.hidden), FLICKER_MS);
  });
}

/** The arrow keys move the mark by a pixel of the values, with Shift by ten. */
function moveByKey(article, state, event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const way = ways[event.key];
  if (!way || !state.values) return;
  event.preventDefault();
  const far = event.shiftKey ? 10 : 1;
  const { width, height } = state.values;
  const moved = (share, count, by) => (Math.min(Math.max(Math.floor(share * count) + by * far, 0), count - 1) + 0.5) / count;
  pointAt(article, state, moved(state.x, width, way[0]), moved(state.y, height, way[1]));
}

function startPair(article) {
  if (!article.querySelector(".values")) return;
  const state = { begun: false, values: null, x: 0.5, y: 0.5 };
  const panels = article.querySelector(".panels");
  for (const view of article.querySelectorAll(".view")) {
    const follow = (event) => {
      const box = view.getBoundingClientRect();
      const share = (place, from, size) => Math.min(Math.max((place - from) / size, 0), 1);
      pointAt(article, state, share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height));
      prepare(article, state);
    };
    if (!view.querySelector("img")) continue;
    view.addEventListener("pointermove", follow);
    view.addEventListener("pointerdown", follow);
  }
  panels.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave(article));
  panels.tabIndex = 0;
  panels.setAttribute("role", "group");
  panels.setAttribute("aria-label", "Pictures; the arrow keys move the mark");
  panels.addEventListener("focus", () => panels.matches(":focus-visible") && prepare(article, state));
  panels.addEventListener("keydown", (event) => event.target === panels && moveByKey(article, state, event));
  startFrames(article);
}

function startPairs() {
  const articles = [...document.querySelectorAll(".pair")];
  articles.forEach(startPair);
  onSelect((index, from) => {
    const number = report.shown.indexOf(index);
    articles.forEach((article, at) => article.classList.toggle("selected", at === number));
    if (number >= 0 && from !== "list") articles[number].scrollIntoView();
  });
}
