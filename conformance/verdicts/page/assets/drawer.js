// What a cell opens to: its verdicts, over the page, which stays where it is.
const drawer = byId("drawer");

// `filter.any/flows`, `filter/flows` (a chapter), `filter.any` (all resources), `/flows` (all requirements).
function inCell(cell) {
  const at = cell.indexOf("/");
  const [line, resource] = at < 0 ? [cell, ""] : [cell.slice(0, at), cell.slice(at + 1)];
  return (row) => (!line || row.requirement.id === line || row.requirement.chapter === line)
    && (!resource || row.resource === resource);
}

// Closed because the page shows something else now, and not because the reader is done: the address stays.
function giveWay() {
  wanted = { ...wanted, cell: "" };
  if (!drawer.open) return;
  drawer.dataset.gone = "";
  drawer.close();
}

function fillDrawer(title, rows, open) {
  const first = rows[0];
  const one = first && rows.every((row) => row.requirement === first.requirement) ? first.requirement : null;
  byId("drawer-title").textContent = title;
  byId("drawer-rule").replaceChildren(...(one ? [
    el("p", { class: "rule" }, el("strong", {}, one.title || one.id), " ", el("span", { class: "level" }, one.level),
      " ", el("span", { class: "quiet" }, one.profile)),
    el("p", {}, one.text)] : []));
  const counts = WORST.map((name) => rows.filter((row) => row.kind.name === name).length);
  byId("drawer-count").textContent = rows.length ? face(counts).told : "No verdict here matches the filter.";
  fillList(byId("drawer-list"), rows, open);
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
}

function drawDrawer() {
  if (!wanted.cell) {
    giveWay();
    return;
  }
  const rows = data().rows.filter(matches).filter(inCell(wanted.cell));
  fillDrawer(wanted.cell.replace(/^\//, "").replace("/", " · "), rows, rows.length === 1);
}

// A verdict by its anchor: on the page where it stands there whole, else over it.
function openVerdict(anchor) {
  const row = data().byAnchor.get(anchor);
  const shown = byId(anchor);
  if (shown && shown.matches("details")) {
    giveWay();
    shown.open = true;
    // The browser has gone there by itself, and the tabulator goes on from there; but it was closed then.
    shown.scrollIntoView();
    return true;
  }
  if (row) fillDrawer(`${row.requirement.id} · ${row.subject}`, [row], true);
  return Boolean(row);
}

function startDrawer() {
  byId("drawer-close").addEventListener("click", () => drawer.close());
  drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });
  drawer.addEventListener("close", () => {
    if ("gone" in drawer.dataset) delete drawer.dataset.gone;
    else if (wanted.cell) go({ ...wanted, cell: "" }, false);
    else if (/^#v-[0-9a-f]{12}$/.test(location.hash)) go(wanted, false);
  });
  watchers.push(drawDrawer);
}
