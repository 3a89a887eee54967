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
  for (const watch of watchers) watch();
}

// Where the user goes, the way back has a step for; what is typed changes the step that is there.
// The form is not written to: it says this already, or the user is typing on.
function go(state, step) {
  const told = written(state);
  const address = told ? `#${told}` : location.pathname + location.search;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  show(state);
}

// What the address asks for, in the form too.
function fill(state) {
  for (const box of form.elements) {
    if (box.type === "checkbox") box.checked = state[box.name].has(box.value);
  }
  if (form.elements.text.value.trim() !== state.text) form.elements.text.value = state.text;
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
  const take = () => { clearTimeout(waiting); go(fromForm(), false); };
  // The text stands outside of the form that it belongs to, and what happens to it does not come by there.
  document.addEventListener("input", (event) => {
    if (event.target.form !== form) return;
    clearTimeout(waiting);
    waiting = setTimeout(take, 120);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); take(); });
  form.addEventListener("reset", () => {
    clearTimeout(waiting);
    go({ verdict: new Set(), level: new Set(), profile: new Set(), text: "", cell: "" }, true);
  });
}
