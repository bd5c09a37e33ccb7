// SPDX-License-Identifier: Apache-2.0
// What all parts of the page share: its data, small helpers, and which picture is selected.
"use strict";

const report = JSON.parse(document.getElementById("data").textContent);
const COLORS = 5;
const SHAPES = ["circle", "diamond", "triangle", "square", "cross"];
const CLIPS = {
  circle: "circle(42%)",
  diamond: "polygon(50% 0, 100% 50%, 50% 100%, 0 50%)",
  triangle: "polygon(50% 4%, 98% 92%, 2% 92%)",
  square: "inset(10%)",
  cross: "polygon(35% 0, 65% 0, 65% 35%, 100% 35%, 100% 65%, 65% 65%, 65% 100%, 35% 100%, 35% 65%, 0 65%, 0 35%, 35% 35%)",
};
const listeners = [];
let selected = -1;

/** The element with an id. */
function byId(id) {
  return document.getElementById(id);
}

/** A new element; `properties` are set on it, children are nodes or text. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function colorOf(model) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--model-${model % COLORS}`).trim();
}

function shapeOf(model) {
  return SHAPES[model % SHAPES.length];
}

/** Gives a mark in the text the colour and shape that the model has in the plot. */
function paintMark(mark, model) {
  mark.style.setProperty("--tint", `var(--model-${model % COLORS})`);
  mark.style.setProperty("--shape", CLIPS[shapeOf(model)]);
}

function makeMark(model) {
  const mark = make("i", { className: "mark" });
  paintMark(mark, model);
  return mark;
}

/** A number for people; a dash where there is none. */
function shown(value, digits) {
  return value === null ? "-" : value.toFixed(digits);
}

/** Selects a picture by its number in the data set; `from` tells the listeners who asks. */
function select(index, from) {
  selected = index;
  for (const listener of listeners) listener(index, from);
}

/** Calls back with the number of the selected picture. */
function onSelect(listener) {
  listeners.push(listener);
}
