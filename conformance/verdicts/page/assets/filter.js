// What is looked for, kept in the address: `#verdict=failed,waived&level=MUST&text=flows`. `cell` is the one that is open.
const form = byId("filter");
const KEYS = ["verdict", "level", "profile"];
let wanted = { verdict: new Set(), level: new Set(), profile: new Set(), text: "", cell: "" };
const watchers = [];

function parse(hash) {
  const raw = hash.replace(/^#/, "");
  if (!raw.includes("=")) return null;
  const told = new URLSearchParams(raw);
  const found = { text: told.get("text") || "", cell: told.get("cell") || "" };
  for (const key of KEYS) found[key] = new Set((told.get(key) || "").split(",").filter(Boolean));
  return found;
}

function written(state) {
  const told = new URLSearchParams();
  for (const key of KEYS) if (state[key].size) told.set(key, [...state[key]].join(","));
  if (state.text) told.set("text", state.text);
  if (state.cell) told.set("cell", state.cell);
  return told.toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

const narrowed = () => Boolean(wanted.text) || KEYS.some((key) => wanted[key].size);

function matches(row) {
  if (wanted.verdict.size && !wanted.verdict.has(row.kind.name)) return false;
  if (wanted.level.size && !wanted.level.has(row.requirement.level)) return false;
  if (wanted.profile.size && !wanted.profile.has(row.requirement.profile)) return false;
  if (!wanted.text) return true;
  row.words ??= `${row.requirement.id} ${row.subject} ${row.requirement.title} ${row.summary}`.toLowerCase();
  return wanted.text.toLowerCase().split(/\s+/).every((word) => row.words.includes(word));
}

function show(state) {
  wanted = state;
  for (const box of form.elements) {
    if (box.type === "checkbox") box.checked = wanted[box.name].has(box.value);
  }
  if (form.elements.text.value.trim() !== wanted.text) form.elements.text.value = wanted.text;
  for (const watch of watchers) watch();
}

// Where the user goes, the way back has a step for; what is typed changes the step that is there.
function go(state, step) {
  const told = written(state);
  const address = told ? `#${told}` : location.pathname + location.search;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  show(state);
}

function fromForm() {
  const state = { ...wanted, text: form.elements.text.value.trim() };
  for (const key of KEYS) state[key] = new Set();
  for (const box of form.elements) if (box.type === "checkbox" && box.checked) state[box.name].add(box.value);
  return state;
}

function startFilter() {
  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => go(fromForm(), false), 120);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); go(fromForm(), false); });
  form.addEventListener("reset", () => {
    clearTimeout(waiting);
    go({ verdict: new Set(), level: new Set(), profile: new Set(), text: "", cell: "" }, true);
  });
}
