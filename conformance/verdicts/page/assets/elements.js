// Elements are made from text, never from markup: what a server named can't become anything else.
function el(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) made.addEventListener(event, run);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const byId = (id) => document.getElementById(id);
const thousands = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
const many = (number, thing) => `${thousands(number)} ${thing}${number === 1 ? "" : "s"}`;
