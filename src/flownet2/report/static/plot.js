// SPDX-License-Identifier: Apache-2.0
// The plot: a mark for each picture and model, on a canvas, so that tens of thousands stay quick.
"use strict";

const MARGIN = { left: 58, right: 14, top: 12, bottom: 44 };
const NEAR_PX = 14;
const TICK_PX = 36;
const MANY_MARKS = 400;
const plot = { metric: report.metrics[0], log: true, hidden: new Set(), x: null, y: null, marks: [] };

/** An axis: `place` maps a value to pixels between `from` and `to`; zeros of a logarithmic one stand at its begin. */
function makeAxis(values, from, to, log) {
  const positive = values.filter((value) => value > 0);
  const most = Math.max(...bounds(positive), 1e-3);
  if (!log) {
    const top = most * 1.04;
    return { log, low: 0, high: top, place: (value) => from + ((to - from) * value) / top };
  }
  const low = Math.max(Math.min(...bounds(positive), most) / 1.15, most / 1e6);
  const high = Math.max(most * 1.15, low * 2);
  const scale = (to - from) / Math.log(high / low);
  return { log, low, high, decade: Math.abs(scale) * Math.LN10, place: (value) => from + scale * Math.log(Math.max(value, low) / low) };
}

/** Least and greatest, without the stack that Math.min(...all) needs. */
function bounds(values) {
  let least = Infinity;
  let greatest = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return values.length ? [least, greatest] : [];
}

/** Round numbers on an axis. */
function ticks(axis) {
  const found = [];
  if (axis.log) {
    const few = axis.decade < TICK_PX * 3;
    for (let power = Math.floor(Math.log10(axis.low)); power <= Math.log10(axis.high); power++) {
      for (const digit of few ? [1] : [1, 2, 5]) found.push(digit * 10 ** power);
    }
    return found.filter((value) => value >= axis.low && value <= axis.high);
  }
  const rough = axis.high / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((digit) => digit * power >= rough) * power;
  for (let count = 0; count * step <= axis.high; count++) found.push(count * step);
  return found;
}

function tickText(value) {
  return String(Number(value.toPrecision(3)));
}

/** Where each mark is; pictures without a value have none. */
function placeMarks(width, height) {
  const values = [];
  for (const [model, { columns }] of report.models.entries()) {
    if (plot.hidden.has(model)) continue;
    columns[plot.metric.name].forEach((value, index) => {
      if (value !== null && report.speed[index] !== null) values.push({ model, index, value, speed: report.speed[index] });
    });
  }
  plot.x = makeAxis(values.map((mark) => mark.speed), MARGIN.left, width - MARGIN.right, plot.log);
  plot.y = makeAxis(values.map((mark) => mark.value), height - MARGIN.bottom, MARGIN.top, plot.log);
  for (const mark of values) {
    mark.left = plot.x.place(mark.speed);
    mark.top = plot.y.place(mark.value);
  }
  plot.marks = values;
}

/** Adds the outline of a mark to the path. */
function trace(pen, shape, x, y, size) {
  if (shape === "circle") {
    pen.moveTo(x + size, y);
    pen.arc(x, y, size, 0, 2 * Math.PI);
  } else if (shape === "square") {
    pen.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
  } else if (shape === "cross") {
    pen.rect(x - size, y - size / 3, size * 2, (size * 2) / 3);
    pen.rect(x - size / 3, y - size, (size * 2) / 3, size * 2);
  } else {
    const corners =
      shape === "diamond" ? [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]] : [[0, -1.25], [1.15, 0.85], [-1.15, 0.85]];
    corners.forEach(([dx, dy], at) => pen[at ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
    pen.closePath();
  }
}

function drawAxes(pen, width, height, style) {
  const [ink, faint, line] = ["--ink", "--faint", "--line"].map((name) => style.getPropertyValue(name));
  pen.font = `12px ${style.fontFamily}`;
  pen.lineWidth = 1;
  pen.strokeStyle = line;
  pen.fillStyle = faint;
  pen.beginPath();
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const value of ticks(plot.x)) {
    const x = Math.round(plot.x.place(value)) + 0.5;
    pen.moveTo(x, MARGIN.top);
    pen.lineTo(x, height - MARGIN.bottom);
    pen.fillText(tickText(value), x, height - MARGIN.bottom + 6);
  }
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const value of ticks(plot.y)) {
    const y = Math.round(plot.y.place(value)) + 0.5;
    pen.moveTo(MARGIN.left, y);
    pen.lineTo(width - MARGIN.right, y);
    pen.fillText(tickText(value), MARGIN.left - 7, y);
  }
  pen.stroke();
  pen.fillStyle = ink;
  pen.textBaseline = "alphabetic";
  pen.fillText("mean true flow, px", width - MARGIN.right, height - 8);
  pen.save();
  pen.translate(14, MARGIN.top);
  pen.rotate(-Math.PI / 2);
  pen.fillText(`${plot.metric.title}, ${plot.metric.unit}`, 0, 0);
  pen.restore();
}

function drawMarks(pen, page) {
  const few = plot.marks.length <= MANY_MARKS;
  const size = few ? 4.8 : 3;
  pen.lineWidth = 1;
  report.models.forEach((_, model) => {
    pen.fillStyle = colorOf(model);
    pen.strokeStyle = page;
    pen.globalAlpha = few ? 0.95 : 0.6;
    for (const mark of plot.marks) {
      if (mark.model !== model) continue;
      pen.beginPath();
      trace(pen, shapeOf(model), mark.left, mark.top, size);
      pen.fill();
      if (few) pen.stroke();
    }
  });
  pen.globalAlpha = 1;
}

function drawRings(pen, ink, index) {
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  for (const mark of plot.marks) {
    if (mark.index !== index) continue;
    pen.beginPath();
    pen.arc(mark.left, mark.top, 8.5, 0, 2 * Math.PI);
    pen.stroke();
  }
}

function drawPlot() {
  const canvas = byId("plot");
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  placeMarks(width, height);
  const style = getComputedStyle(document.body);
  drawAxes(pen, width, height, style);
  drawMarks(pen, style.getPropertyValue("--card"));
  drawRings(pen, style.getPropertyValue("--ink"), selected);
}

/** The mark next to a place of the canvas, if one is near. */
function nearest(x, y) {
  let [best, least] = [null, NEAR_PX ** 2];
  for (const mark of plot.marks) {
    const distance = (mark.left - x) ** 2 + (mark.top - y) ** 2;
    if (distance < least) [best, least] = [mark, distance];
  }
  return best;
}

function showTip(mark) {
  const tip = byId("tip");
  tip.hidden = mark === null;
  if (mark === null) return;
  const lines = report.models.map(({ name, columns }, model) =>
    make("div", {}, makeMark(model), `${name}: ${shown(columns[plot.metric.name][mark.index], plot.metric.digits)} ${plot.metric.unit}`),
  );
  const where = report.shown.includes(mark.index) ? [make("small", {}, "pictures below")] : [];
  tip.replaceChildren(
    make("b", {}, report.names[mark.index]),
    ...lines,
    make("div", {}, `true flow: ${shown(mark.speed, 2)} px`),
    ...where,
  );
  const canvas = byId("plot");
  const left = canvas.offsetLeft + mark.left;
  tip.style.left = `${left > canvas.clientWidth / 2 ? left - tip.offsetWidth - 14 : left + 14}px`;
  tip.style.top = `${Math.max(4, Math.min(canvas.offsetTop + mark.top - 20, canvas.clientHeight - tip.offsetHeight))}px`;
}

/** Buttons that hide and show the marks of a model. */
function fillLegend() {
  report.models.forEach(({ name }, model) => {
    const button = make("button", { type: "button" }, makeMark(model), name);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!plot.hidden.delete(model)) plot.hidden.add(model);
      button.setAttribute("aria-pressed", String(!plot.hidden.has(model)));
      drawPlot();
    });
    byId("legend").append(button);
  });
}

function startPlot() {
  const canvas = byId("plot");
  fillLegend();
  for (const { name, title, unit } of report.metrics) byId("metric").append(make("option", { value: name }, `${title}, ${unit}`));
  byId("metric").addEventListener("change", (event) => {
    plot.metric = report.metrics.find(({ name }) => name === event.target.value);
    drawPlot();
  });
  byId("log").addEventListener("change", (event) => {
    plot.log = event.target.checked;
    drawPlot();
  });
  canvas.addEventListener("pointermove", (event) => showTip(nearest(event.offsetX, event.offsetY)));
  canvas.addEventListener("pointerleave", () => showTip(null));
  canvas.addEventListener("click", (event) => {
    const mark = nearest(event.offsetX, event.offsetY);
    if (mark) select(mark.index, "plot");
  });
  onSelect(drawPlot);
  new ResizeObserver(drawPlot).observe(canvas);
  for (const medium of ["(prefers-color-scheme: dark)", "print"]) window.matchMedia(medium).addEventListener("change", drawPlot);
}
