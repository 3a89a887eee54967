// The verdicts, read when they are first asked for: a page that is only looked at doesn't need them.
let kept = null;

function data() {
  if (kept) return kept;
  const raw = JSON.parse(byId("verdicts-data").textContent);
  const requirements = raw.requirements.map(([id, level, profile, title, text, source]) => {
    return { id, level, profile, title, text, source, chapter: id.split(".", 1)[0] };
  });
  const kinds = raw.verdicts.map(([name, symbol, word]) => ({ name, symbol, word }));
  const rows = raw.rows.map(([anchor, requirement, subject, verdict, summary, waiver, details]) => {
    const [name, resource, exact] = raw.subjects[subject];
    return {
      anchor,
      requirement: requirements[requirement],
      subject: name,
      exact: exact === 1,
      resource: raw.resources[resource],
      verdict,
      kind: kinds[verdict],
      summary: raw.texts[summary] || "",
      waiver: waiver === undefined || waiver === null ? "" : raw.texts[waiver],
      // undefined: there are none; null: there was no room for them in the page.
      details: details === undefined ? undefined : raw.details[details],
      words: null,
    };
  });
  kept = { kinds, rows, requirements, resources: raw.resources, command: raw.command, byAnchor: new Map(rows.map((row) => [row.anchor, row])) };
  return kept;
}

// The line that runs one check again, as a shell wants it; what a pattern would read as a wildcard is meant literally.
function rerun(row) {
  const pattern = `${row.requirement.id} ${row.subject}`.replace(/[*?[]/g, "[$&]");
  return `${data().command} --select '${pattern.replaceAll("'", `'"'"'`)}'`;
}
