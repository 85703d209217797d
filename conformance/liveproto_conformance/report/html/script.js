"use strict";

// Without this script the tables are whole and nothing is missing but the filters.

const find = (id) => document.getElementById(id);
const rows = [...document.querySelectorAll("table.list tbody tr")].map((row) => ({
  row,
  text: row.textContent.toLowerCase(),
}));
const choices = ["status", "level", "area"].map(find);
const search = find("search");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { row, text } of rows) {
    const chosen = choices.every(({ id, value }) => !value || row.dataset[id] === value);
    row.hidden = !(chosen && words.every((word) => text.includes(word)));
  }
  const found = [...document.querySelectorAll("table.list")].map((table) => {
    const count = table.querySelectorAll("tbody tr:not([hidden])").length;
    const all = table.querySelectorAll("tbody tr").length;
    table.querySelector(".shown").textContent = count === all ? `(${all})` : `(${count} of ${all})`;
    return count;
  });
  find("found").textContent = `${found[0]} rules, ${found[1]} checks`;
}

function clear() {
  search.value = "";
  for (const choice of choices) choice.value = "";
  filter();
}

// A link to a row that is filtered out shows it again.
function reveal() {
  const target = find(decodeURIComponent(location.hash.slice(1)));
  if (target?.hidden) {
    clear();
    target.scrollIntoView();
  }
}

async function copy(button) {
  const code = button.parentElement.querySelector("code");
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected";
  }
}

if (search) {
  find("filters").hidden = false;
  search.addEventListener("input", filter);
  for (const choice of choices) choice.addEventListener("change", filter);
  find("clear").addEventListener("click", () => {
    clear();
    search.focus();
  });
  for (const link of document.querySelectorAll("[data-filter]")) {
    link.addEventListener("click", () => {
      clear();
      find("status").value = link.dataset.filter;
      filter();
    });
  }
  addEventListener("hashchange", reveal);
  filter();
}
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
