"use strict";
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  // Keys without a name stand in a body of their own; sorted, all stand in the first.
  for (const row of table.querySelectorAll(".ids tr")) row.className = "id";
  const rows = Array.from(table.querySelectorAll("tbody tr"), (row) => ({
    row,
    name: row.cells[0].textContent.toLowerCase(),
    type: row.cells[1].textContent.trim(),
  }));
  const search = document.getElementById("search");
  const type = document.getElementById("type");
  const shown = document.getElementById("shown");
  const say = (count) => count.toLocaleString("en");

  const filter = () => {
    const wanted = search.value.toLowerCase();
    let count = 0;
    for (const each of rows) {
      const fits = each.name.includes(wanted) && (!type.value || each.type === type.value);
      each.row.hidden = !fits;
      count += fits;
    }
    shown.textContent = count === rows.length ? `${say(count)} keys` : `${say(count)} of ${say(rows.length)} keys`;
  };

  const collator = new Intl.Collator("en", { numeric: true });
  const read = {
    text: (text) => text,
    number: (text) => Number(text.replace(/,/g, "") || -1),
  };
  const compare = { text: collator.compare, number: (one, other) => one - other };

  const sort = (heading) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const by = heading.dataset.by;
    const keyed = rows.map((each) => ({ each, key: read[by]((each.row.cells[heading.cellIndex]?.textContent ?? "").trim()) }));
    keyed.sort((one, other) => (down ? -1 : 1) * compare[by](one.key, other.key));
    body.append(...keyed.map(({ each }) => each.row));
  };

  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(heading));
    heading.append(button);
  }
  search.form.hidden = false;
  search.form.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", filter);
  type.addEventListener("change", filter);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });
  filter();
})();
