// The matrix: its chapters open, its cells follow the filter, and the arrow keys walk it.
const grid = byId("matrix");
const list = byId("list");
const WORST = ["failed", "could-not-run", "waived", "passed", "not-applicable"];
const COUNTED = 3;
// Nothing is built or counted before something is asked for: the page comes as it is to look at.
let drawn = "";
let every = null;
let shown = null;


// Which cell a link leads to: `filter.any/flows`.
const cellOf = (link) => parse(link.hash).cell;

// The same rule as `faces.face` has.
function face(counts) {
  const first = counts.findIndex((number) => number > 0);
  const kinds = data().kinds;
  return {
    name: kinds[first].name,
    text: first < COUNTED ? `${kinds[first].symbol}${counts[first]}` : kinds[first].symbol,
    told: counts.map((number, at) => number ? `${number} ${kinds[at].word}` : "").filter(Boolean).join(", "),
  };
}

function countBy(rows) {
  const counts = new Map();
  const add = (key, verdict) => {
    let found = counts.get(key);
    if (!found) counts.set(key, found = WORST.map(() => 0));
    found[verdict] += 1;
  };
  for (const row of rows) {
    for (const line of [row.requirement.id, row.requirement.chapter]) {
      add(`${line}/${row.resource}`, row.verdict);
      add(line, row.verdict);
    }
  }
  return counts;
}

function paint(part, counts) {
  for (const cell of part.querySelectorAll("td a")) {
    const found = counts.get(cellOf(cell));
    cell.hidden = !found;
    if (!found) continue;
    const { name, text, told } = face(found);
    cell.className = name;
    cell.textContent = text;
    cell.setAttribute("aria-label", told);
    cell.removeAttribute("title");
  }
  for (const line of part.querySelectorAll("tr[data-line]")) {
    const found = counts.get(line.dataset.line);
    line.classList.toggle("out", !found);
    line.querySelector(".sum").textContent = found ? thousands(found.reduce((sum, number) => sum + number, 0)) : "";
  }
}

function drawMatrix(rows) {
  shown = countBy(rows);
  paint(grid, shown);
}

// A cell for each resource that the requirement was checked on, whatever the filter shows of it now.
function requirementRow(requirement) {
  const cell = (resource) => every.has(`${requirement.id}/${resource}`)
    ? el("a", { href: `#cell=${requirement.id}/${encodeURIComponent(resource).replaceAll("%2F", "/")}`, tabindex: "-1" })
    : null;
  return el("tr", { "data-line": requirement.id },
    el("th", { scope: "row", class: "line" },
      el("a", { href: `#cell=${requirement.id}`, tabindex: "-1", title: requirement.title },
        requirement.id.slice(requirement.chapter.length + 1)),
      requirement.level === "MUST" ? null : el("span", { class: "level" }, requirement.level)),
    el("td", { class: "sum" }),
    ...data().resources.map((resource) => el("td", {}, cell(resource))));
}

function build(part) {
  every ??= countBy(data().rows);
  shown ??= every;
  const chapter = part.id.slice("rows-".length);
  part.append(...data().requirements.filter((one) => one.chapter === chapter).map(requirementRow));
  paint(part, shown);
}

function drawList(rows) {
  const asked = narrowed() || list.dataset.asked;
  byId("found").textContent = narrowed()
    ? `${thousands(rows.length)} of ${many(data().rows.length, "verdict")}`
    : many(data().rows.length, "verdict");
  byId("clear").hidden = !narrowed();
  list.hidden = !asked;
  byId("list-all").hidden = Boolean(asked);
  if (asked) fillList(list, rows, false);
}

function redraw() {
  const now = written({ ...wanted, cell: "" });
  if (now === drawn) return;
  drawn = now;
  const rows = data().rows.filter(matches);
  drawMatrix(rows);
  drawList(rows);
}

function unfold(button, open) {
  button.setAttribute("aria-expanded", String(open));
  const part = byId(button.getAttribute("aria-controls"));
  if (open && !part.rows.length) build(part);
  part.hidden = !open;
}

// One stop for the tabulator, and the arrows inside.
const stops = (line) => [...line.querySelectorAll("a, button")].filter((stop) => !stop.hidden);
const lines = () => [...grid.querySelectorAll("tr")].filter((line) => line.offsetParent !== null && stops(line).length);

function walk(event) {
  const from = event.target.closest("a, button");
  if (!from || event.altKey || event.ctrlKey || event.metaKey) return;
  const line = from.closest("tr");
  const here = stops(line);
  const at = here.indexOf(from);
  let to = null;
  if (event.key === "ArrowRight") to = here[at + 1];
  else if (event.key === "ArrowLeft") to = here[at - 1];
  else if (event.key === "Home") to = here[0];
  else if (event.key === "End") to = here[here.length - 1];
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const every = lines();
    const next = every[every.indexOf(line) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      const column = from.closest("td, th").cellIndex;
      to = stops(next).reduce((best, stop) => {
        const off = (one) => Math.abs(one.closest("td, th").cellIndex - column);
        return best && off(best) <= off(stop) ? best : stop;
      }, null);
    }
  } else return;
  event.preventDefault();
  if (to) { stopAt(to); to.focus(); }
}

function stopAt(one) {
  for (const other of grid.querySelectorAll('a[tabindex="0"], button[tabindex="0"]')) other.tabIndex = -1;
  one.tabIndex = 0;
}

function startMatrix() {
  if (!grid) return;
  grid.setAttribute("role", "grid");
  for (const stop of grid.querySelectorAll("a, button")) stop.tabIndex = -1;
  stopAt(grid.querySelector("tbody button"));
  grid.addEventListener("keydown", walk);
  grid.addEventListener("focusin", (event) => {
    const stop = event.target.closest("a, button");
    if (stop) stopAt(stop);
  });
  grid.addEventListener("mouseover", (event) => {
    const cell = event.target.closest("td a");
    if (cell && !cell.title) cell.title = `${cellOf(cell).replace("/", " · ")}: ${cell.getAttribute("aria-label")}`;
  });
  grid.addEventListener("click", (event) => {
    const button = event.target.closest("button[aria-controls]");
    if (button) { unfold(button, button.getAttribute("aria-expanded") !== "true"); return; }
    const cell = event.target.closest("a");
    if (!cell || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ ...wanted, cell: cellOf(cell) }, true);
  });
  byId("unfold").addEventListener("click", (event) => {
    const open = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(open));
    for (const button of grid.querySelectorAll("button[aria-controls]")) unfold(button, open);
  });
  byId("list-all").addEventListener("click", () => {
    list.dataset.asked = "yes";
    drawList(data().rows.filter(matches));
    list.querySelector("summary").focus();
  });
  watchers.push(redraw);
}
