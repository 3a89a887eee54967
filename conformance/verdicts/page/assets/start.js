// Where the address leads, copying, and the page on paper.
function follow() {
  const hash = location.hash;
  const state = parse(hash);
  if (state) fill(state);
  else if (/^#v-[0-9a-f]{12}$/.test(hash)) openVerdict(hash.slice(1));
  else giveWay();
}

async function copy(button) {
  const pre = button.closest(".code").querySelector("pre");
  const said = button.firstChild;
  try {
    await navigator.clipboard.writeText(pre.textContent);
    said.textContent = "Copied";
    byId("said").textContent = "Copied to the clipboard";
  } catch {
    getSelection().selectAllChildren(pre);
    said.textContent = "Selected";
    byId("said").textContent = "Selected: copy it with the keyboard";
  }
  setTimeout(() => { said.textContent = "Copy"; byId("said").textContent = ""; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) { copy(button); return; }
  const every = event.target.closest("button[data-all]");
  if (every) {
    const open = every.getAttribute("aria-pressed") !== "true";
    every.setAttribute("aria-pressed", String(open));
    for (const one of byId(every.dataset.all).querySelectorAll("details")) one.open = open;
  }
});

// A link to the verdict that the address already names is still a wish to see it.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#v-"]');
  if (link && link.getAttribute("href") === location.hash) openVerdict(location.hash.slice(1));
});

addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details.failure:not([open])")) {
    one.dataset.printed = "";
    one.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const one of document.querySelectorAll("details[data-printed]")) {
    delete one.dataset.printed;
    one.open = false;
  }
});

startFilter();
startMatrix();
startDrawer();
addEventListener("hashchange", follow);
addEventListener("popstate", () => { if (!location.hash) fill(parse("#=")); });
follow();
