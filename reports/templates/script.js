"use strict";
// Sorts and filters tables, filters the gallery, copies commands. Without it nothing is missing from the page.
(() => {
  const NUMBER = /[−-]?(?:\d[\d,]*)?\.?\d+/;
  const value = (row, column) => {
    const cell = row.cells[column];
    const said = cell.textContent.trim();
    if (!cell.classList.contains("n")) return said.toLowerCase();
    const found = said.match(NUMBER);
    return found ? Number(found[0].replace("−", "-").replaceAll(",", "")) : NaN;
  };
  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b);
    return Number.isNaN(a) - Number.isNaN(b) || (Number.isNaN(a) ? 0 : a - b);
  };
  const button = (text, press) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", press);
    return made;
  };
  const sortable = (table) => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (!body.rows[0].cells[column].textContent.trim()) return;
      const press = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].filter((row) => !row.hasAttribute("data-last"));
        const last = [...body.rows].filter((row) => row.hasAttribute("data-last"));
        const order = (a, b) => {
          const [x, y] = [value(a, column), value(b, column)];
          if (Number.isNaN(x) || Number.isNaN(y)) return compare(x, y);
          return down ? compare(y, x) : compare(x, y);
        };
        body.append(...rows.sort(order), ...last);
      };
      const sort = button("", press);
      sort.setAttribute("aria-label", `Sort by ${head.textContent}`);
      // The last word and the button stay on one line.
      const said = head.textContent.trim();
      const cut = said.lastIndexOf(" ") + 1;
      const last = document.createElement("span");
      last.className = "nw";
      last.append(`${said.slice(cut)} `, sort);
      head.replaceChildren(said.slice(0, cut), last);
    });
  };
  const filter = (place, label, items) => {
    if (items.length < 8) return;
    const box = document.createElement("p");
    box.className = "filter";
    const name = document.createElement("label");
    const input = document.createElement("input");
    const said = document.createElement("span");
    input.type = "search";
    said.setAttribute("role", "status");
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      let shown = 0;
      items.forEach((item) => {
        item.hidden = !item.textContent.toLowerCase().includes(wanted);
        shown += item.hidden ? 0 : 1;
      });
      said.textContent = wanted ? `${shown} of ${items.length} shown` : "";
    });
    name.append(`${label} `, input);
    box.append(name, said);
    place.before(box);
  };
  document.querySelectorAll("table[data-sort]").forEach((table) => {
    const rows = [...table.tBodies[0].rows].filter((row) => !row.hasAttribute("data-last"));
    if (rows.length > 1) sortable(table);
    filter(table, "Show only rows with", rows);
  });
  document.querySelectorAll("ul.cards").forEach((list) => {
    filter(list, "Show only examples with", [...list.children]);
  });
  document.querySelectorAll("pre").forEach((block) => {
    if (!navigator.clipboard) return;
    const copy = button("Copy", async () => {
      try {
        await navigator.clipboard.writeText(block.textContent);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block);
        copy.textContent = "Selected: copy with the keyboard";
      }
    });
    copy.className = "copy";
    copy.setAttribute("aria-label", `Copy: ${block.previousElementSibling?.textContent ?? ""}`);
    block.after(copy);
  });
})();
