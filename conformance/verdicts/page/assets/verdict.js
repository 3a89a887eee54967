// One verdict in a list: a line, and all that is known of it once it is opened.
function code(label, text, leftOut, exact) {
  const note = leftOut
    ? `${thousands(leftOut)} more characters: the whole is in verdicts.json.`
    : exact ? null : "Some of its characters can't be shown: as it is, it stands in verdicts.json.";
  return el("div", { class: "code" },
    el("div", { class: "code-head" }, el("h5", {}, label), leftOut ? null : copyButton(label)),
    el("pre", { tabindex: "0", role: "region", "aria-label": label }, text),
    note ? el("p", { class: "quiet" }, note) : null);
}

function copyButton(label) {
  return el("button", { type: "button", class: "copy", "data-copy": "" },
    "Copy", el("span", { class: "unseen" }, ` ${label.toLowerCase()}`));
}

function compared(kind, [text, leftOut]) {
  return el("div", { class: kind },
    el("dt", {}, kind === "expected" ? "Expected" : "Observed"),
    el("dd", {}, el("pre", { tabindex: "0", role: "region", "aria-label": kind }, text),
      leftOut ? el("p", { class: "quiet" }, `${thousands(leftOut)} more characters: see verdicts.json.`) : null));
}

function body(row) {
  const shown = byId(row.anchor);
  const whole = shown && shown.querySelector(":scope > .body");
  if (whole) return whole.cloneNode(true);
  const { requirement, details } = row;
  const made = el("div", { class: "body" },
    el("p", { class: "rule" }, el("strong", {}, requirement.title || requirement.id), " ",
      el("span", { class: "level" }, requirement.level), " ", el("span", { class: "quiet" }, requirement.profile)),
    requirement.text ? el("p", {}, requirement.text) : null,
    requirement.source ? el("p", { class: "quiet" }, `Source: ${requirement.source}`) : null,
    row.waiver ? el("p", { class: "waiver" }, el("strong", {}, "Waived: "), row.waiver) : null,
    row.summary ? el("p", { class: "said" }, row.summary) : null);
  if (details === null) {
    made.append(el("p", { class: "quiet" }, "The details are in verdicts.json: the page has no room for them."));
  } else if (details) {
    const pair = ["expected", "observed"].filter((kind) => details[kind]);
    if (pair.length) made.append(el("dl", { class: "difference" }, ...pair.map((kind) => compared(kind, details[kind]))));
    if (details.plain) made.append(code("Details", ...details.plain));
    if (details.replay) made.append(code("Replay", ...details.replay));
  }
  if (row.exact && data().command) made.append(code("Rerun", rerun(row), 0, true));
  made.append(el("p", { class: "quiet" },
    el("a", { href: `#${row.anchor}` }, "Link to this verdict"), " · ",
    el("a", { href: `catalogue.html#${requirement.id}` }, "The requirement")));
  return made;
}

function verdictLine(row, open) {
  const made = el("details", { class: `verdict ${row.kind.name}` },
    el("summary", {},
      el("span", { class: `mark ${row.kind.name}`, "aria-hidden": "true" }, row.kind.symbol),
      el("span", { class: "unseen" }, `${row.kind.word}: `),
      el("code", { class: "requirement" }, row.requirement.id), " ",
      el("code", { class: "subject" }, row.subject),
      row.summary ? el("span", { class: "said" }, row.summary) : null));
  const fill = () => { if (made.open && !made.querySelector(".body")) made.append(body(row)); };
  made.addEventListener("toggle", fill);
  if (open) { made.open = true; fill(); }
  return made;
}

// A list that grows by a screenful: six thousand lines at once are read by nobody.
const SCREENFUL = 100;

function fillList(list, rows, open) {
  list.replaceChildren();
  let shown = 0;
  const more = el("button", { type: "button", class: "more" });
  const last = el("li", {}, more);
  const grow = () => {
    const first = shown;
    last.remove();
    for (const row of rows.slice(shown, shown + SCREENFUL)) list.append(el("li", {}, verdictLine(row, open)));
    shown = Math.min(shown + SCREENFUL, rows.length);
    if (shown < rows.length) {
      more.textContent = `Show ${Math.min(SCREENFUL, rows.length - shown)} more of ${thousands(rows.length - shown)}`;
      list.append(last);
    }
    return first;
  };
  more.addEventListener("click", () => list.children[grow()].querySelector("summary").focus());
  grow();
}
