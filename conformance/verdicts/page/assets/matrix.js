// The matrix: its chapters open, its cells follow the filter, and the arrow keys walk it.
const grid = byId("matrix");
const list = byId("list");
const WORST = ["failed", "could-not-run", "waived", "passed", "not-applicable"];
const COUNTED = 3;

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

function drawMatrix(rows) {
  const counts = countBy(rows);
  for (const cell of grid.querySelectorAll("a[data-cell]")) {
    const found = counts.get(cell.dataset.cell);
    cell.hidden = !found;
    if (!found) continue;
    const { name, text, told } = face(found);
    cell.className = name;
    cell.textContent = text;
    cell.setAttribute("aria-label", told);
    cell.removeAttribute("title");
  }
  for (const line of grid.querySelectorAll("tr[data-line]")) {
    const found = counts.get(line.dataset.line);
    line.classList.toggle("out", !found);
    line.querySelector(".sum").textContent = found ? thousands(found.reduce((sum, number) => sum + number, 0)) : "";
  }
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

// Nothing is built before something is asked for: the page comes as it is to look at.
let drawn = "";

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
  byId(button.getAttribute("aria-controls")).hidden = !open;
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
    const cell = event.target.closest("a[data-cell]");
    if (cell && !cell.title) cell.title = `${cell.dataset.cell.replace("/", " · ")}: ${cell.getAttribute("aria-label")}`;
  });
  grid.addEventListener("click", (event) => {
    const button = event.target.closest("button[aria-controls]");
    if (button) { unfold(button, button.getAttribute("aria-expanded") !== "true"); return; }
    const cell = event.target.closest("a");
    if (!cell || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ ...wanted, cell: cell.dataset.cell || cell.dataset.open }, true);
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
