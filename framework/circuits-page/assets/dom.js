// Makes elements. Every value becomes text: nothing in this folder parses markup, so what a rule or an incident is called cannot run.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (those that are null or false are left out; `on` holds listeners) and children (nodes or values). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") Object.entries(value).forEach(([event, run]) => node.addEventListener(event, run));
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Writes a text, if it is another one: what has not changed is not announced again, and a selection in it stays. */
export function say(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

export const link = (to, ...children) => el("a", { href: to }, ...children);
export const button = (text, run, kind = null) => el("button", { type: "button", class: kind, on: { click: run } }, text);
export const empty = (text) => el("p", { class: "empty" }, text);
export const error = (text) => el("p", { class: "error", role: "alert" }, text);

/** A section with its heading; its label is the heading. */
export function section(id, title, ...children) {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...children);
}

/**
 * A table that keeps its rows: `columns` are [heading, cell(item) → node or value, class]. `show(items)` changes only the cells whose
 * content changed, so that the focus and a selection survive. The roles are explicit because narrow windows show rows as blocks.
 */
export function table(caption, columns, key, emptyText) {
  const body = el("tbody", { role: "rowgroup" });
  const heads = columns.map(([title, , kind]) => el("th", { role: "columnheader", scope: "col", class: kind }, title));
  const head = el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads));
  const grid = el("table", { role: "table" }, el("caption", {}, caption), head, body);
  const nothing = empty(emptyText);
  const root = el("div", { class: "table" }, grid, nothing);
  let rows = new Map();
  const show = (items) => {
    const next = new Map();
    let before = body.firstElementChild;
    for (const item of items) {
      const id = String(key(item));
      const row = rows.get(id) ?? makeRow(columns);
      fill(row, columns, item);
      next.set(id, row);
      if (row.node === before) before = before.nextElementSibling;
      else body.insertBefore(row.node, before);
    }
    for (const [id, row] of rows) if (!next.has(id)) row.node.remove();
    rows = next;
    grid.hidden = items.length === 0;
    nothing.hidden = items.length !== 0;
  };
  show([]);
  return { root, show };
}

function makeRow(columns) {
  const cells = columns.map(([title, , kind], at) =>
    at === 0
      ? el("th", { role: "rowheader", scope: "row", "data-label": title, class: kind })
      : el("td", { role: "cell", "data-label": title, class: kind }),
  );
  return { node: el("tr", { role: "row" }, ...cells), cells, texts: [] };
}

/** What a cell was made of is remembered as markup that is only compared. */
function fill(row, columns, item) {
  columns.forEach(([, cell], at) => {
    const made = cell(item) ?? "";
    const shape = made instanceof Node ? made.outerHTML : String(made);
    if (row.texts[at] === shape) return;
    row.texts[at] = shape;
    row.cells[at].replaceChildren(made);
  });
}

/** Terms with their values; a pair with null is left out. */
export function facts(...pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false);
  return el("dl", {}, ...shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}
