// SPDX-License-Identifier: Apache-2.0
// The list of pictures: sorted by any column, filtered by name, some hundred rows at a time.
"use strict";

const ROWS_AT_ONCE = 200;
const BRIEF = new Set(["epe", "fl"]);
const list = { columns: [], key: "number", descending: false, filter: "", limit: ROWS_AT_ONCE, order: [] };

/** The columns: key, title, digits, values, and for those of a model its number. */
function listColumns(all) {
  const columns = [
    { key: "name", title: "Name", values: report.names },
    { key: "number", title: "No.", digits: 0, values: report.names.map((_, index) => index + 1), ascends: true },
    { key: "speed", title: "True flow", unit: "px", digits: 2, values: report.speed },
  ];
  report.models.forEach((model, number) => {
    const metrics = report.metrics.filter(({ name }) => all || BRIEF.has(name));
    for (const metric of metrics) {
      const { title, unit, digits, name, higher } = metric;
      columns.push({ key: `${number}:${name}`, title, unit, digits, values: model.columns[name], model: number, ascends: higher });
    }
    columns.push({ key: `${number}:seconds`, title: "Time", unit: "s", digits: 3, values: model.columns.seconds, model: number });
  });
  return columns;
}

/** Numbers of pictures in the order to show; missing values come last, equal ones keep the data set's order. */
function sortedOrder(values, descending, keep) {
  const order = [];
  for (let index = 0; index < values.length; index++) if (keep(index)) order.push(index);
  const sign = descending ? -1 : 1;
  return order.sort((one, two) => {
    const [a, b] = [values[one], values[two]];
    if (a === null || b === null) return (a === null) - (b === null) || one - two;
    return (a < b ? -sign : a > b ? sign : 0) || one - two;
  });
}

function currentColumn() {
  return list.columns.find(({ key }) => key === list.key) || list.columns[1];
}

/** Sorts by a column; once more turns the order round. */
function sortBy(column) {
  const again = list.key === column.key;
  list.descending = again ? !list.descending : column.key !== "name" && !column.ascends;
  list.key = column.key;
  list.limit = ROWS_AT_ONCE;
  fillList();
}

function classOf(at) {
  if (list.columns[at].key === "number") return "minor";
  return at > 0 && list.columns[at].model !== list.columns[at - 1].model ? "group-start" : "";
}

function fillHead() {
  const shared = [0, 1, 2].map((at) => make("td", { className: classOf(at) }));
  const groups = make("tr", {}, ...shared);
  report.models.forEach((model, number) => {
    const span = list.columns.filter((column) => column.model === number).length;
    groups.append(make("th", { colSpan: span, scope: "colgroup" }, make("span", {}, makeMark(number), model.name)));
  });
  const heads = make("tr", {});
  list.columns.forEach((column, at) => {
    const unit = column.unit ? [" ", make("small", {}, column.unit)] : [];
    const button = make("button", { type: "button" }, column.title, ...unit);
    button.dataset.key = column.key;
    button.addEventListener("click", () => sortBy(column));
    heads.append(make("th", { scope: "col", className: classOf(at) }, button));
  });
  byId("list").tHead.replaceChildren(groups, heads);
}

/** Tells by aria-sort which column is sorted; the buttons stay, so that the focus does. */
function markSorted() {
  for (const button of byId("list").tHead.querySelectorAll("button")) {
    const head = button.closest("th");
    if (button.dataset.key !== currentColumn().key) head.removeAttribute("aria-sort");
    else head.setAttribute("aria-sort", list.descending ? "descending" : "ascending");
  }
}

function makeRow(index) {
  const row = make("tr", {});
  row.dataset.index = index;
  row.setAttribute("aria-selected", String(index === selected));
  list.columns.forEach((column, at) => {
    const cell = row.insertCell();
    cell.className = classOf(at);
    if (column.key === "name") {
      const below = report.shown.includes(index);
      cell.append(make("button", { type: "button", className: below ? "name shown" : "name" }, column.values[index]));
    } else {
      cell.textContent = shown(column.values[index], column.digits);
    }
  });
  return row;
}

function fillList() {
  const wanted = list.filter.toLowerCase();
  const keep = (index) => report.names[index].toLowerCase().includes(wanted);
  list.order = sortedOrder(currentColumn().values, list.descending, keep);
  byId("list").tBodies[0].replaceChildren(...list.order.slice(0, list.limit).map(makeRow));
  markSorted();
  tellCount();
}

function tellCount() {
  const visible = Math.min(list.limit, list.order.length);
  const whole = `${report.names.length} ${report.names.length === 1 ? "picture" : "pictures"}`;
  const part = list.order.length < report.names.length ? `${list.order.length} of ${whole}` : whole;
  byId("count").textContent = visible < list.order.length ? `${part}, ${visible} listed` : part;
  byId("more").hidden = visible >= list.order.length;
}

/** Adds rows until `limit` are there. */
function growList(limit) {
  const rows = list.order.slice(list.limit, limit).map(makeRow);
  list.limit = Math.max(limit, list.limit);
  byId("list").tBodies[0].append(...rows);
  tellCount();
}

/** Brings the row of the selected picture into sight, whatever the filter is. */
function showSelected(index, from) {
  const body = byId("list").tBodies[0];
  for (const row of body.querySelectorAll('[aria-selected="true"]')) row.setAttribute("aria-selected", "false");
  if (!list.order.includes(index)) {
    byId("filter").value = list.filter = "";
    fillList();
  }
  const at = list.order.indexOf(index);
  if (at >= list.limit) growList(at + ROWS_AT_ONCE);
  const row = body.rows[at];
  row.setAttribute("aria-selected", "true");
  if (from !== "list") {
    const box = row.closest(".tall");
    box.scrollTop = row.offsetTop - box.clientHeight / 2;
  }
}

function startList() {
  const columns = () => {
    list.columns = listColumns(byId("all-metrics").checked);
    fillHead();
    fillList();
  };
  byId("all-metrics").addEventListener("change", columns);
  byId("filter").addEventListener("input", (event) => {
    list.filter = event.target.value;
    list.limit = ROWS_AT_ONCE;
    fillList();
  });
  byId("more").addEventListener("click", () => growList(list.limit + 2 * ROWS_AT_ONCE));
  byId("list").tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) select(Number(row.dataset.index), event.target.closest(".name") ? "name" : "list");
  });
  onSelect(showSelected);
  columns();
}
