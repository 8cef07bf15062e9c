// A search field for one of many class names: an ARIA combobox with a list.

import { element, freshId } from "./dom.js";

const MOST = 40; // names in the list

/**
 * @param {string} label
 * @param {string[]} classes
 * @param {(index: number) => void} onChoice
 * @returns {{node: HTMLElement, show: (index: number) => void}}
 */
export function classSearch(label, classes, onChoice) {
  const [field, names] = [freshId(), freshId()];
  const list = element("ul", { id: names, role: "listbox", "aria-label": label, class: "lab-options", hidden: true });
  const input = element("input", {
    id: field, type: "text", role: "combobox", autocomplete: "off", spellcheck: false,
    "aria-controls": names, "aria-expanded": "false", "aria-autocomplete": "list",
    onfocus: () => input.select(),
    oninput: () => open(find(classes, input.value)),
    onclick: () => open(find(classes, "")),
    onkeydown: (event) => onKey(event),
    onblur: () => close(),
  });
  let shown = 0;
  let active = -1;

  function open(found) {
    list.replaceChildren(
      ...found.map((index) =>
        element("li", {
          role: "option", id: `${names}-${index}`, "data-index": index, "aria-selected": "false",
          onpointerdown: (event) => (event.preventDefault(), choose(index)),
        }, classes[index]),
      ),
    );
    if (!found.length) list.append(element("li", { class: "lab-none" }, "No class of this name"));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(found.length && input.value !== classes[shown] ? 0 : found.indexOf(shown));
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = classes[shown];
  }

  function mark(place) {
    const options = [...list.querySelectorAll("[role=option]")];
    active = Math.max(-1, Math.min(place, options.length - 1));
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active < 0) return;
    input.setAttribute("aria-activedescendant", options[active].id);
    list.scrollTop = options[active].offsetTop - list.clientHeight / 2;
  }

  function choose(index) {
    shown = index;
    close();
    onChoice(index);
  }

  function onKey(event) {
    const options = list.querySelectorAll("[role=option]");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open(find(classes, ""));
      else mark(Math.max(0, active + (event.key === "ArrowDown" ? 1 : -1)));
    } else if (event.key === "Enter" && !list.hidden && options[active]) {
      event.preventDefault();
      choose(Number(options[active].dataset.index));
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  }

  const node = element("div", { class: "lab-field lab-search" }, element("label", { for: field }, label), input, list);
  return { node, show: (index) => ((shown = index), (input.value = classes[index])) };
}

/** Indices of the classes that match, names that begin so first. @returns {number[]} */
export function find(classes, text) {
  const wanted = text.trim().toLowerCase();
  const rank = (name) => (name.startsWith(wanted) ? 0 : name.includes(` ${wanted}`) ? 1 : name.includes(wanted) ? 2 : 3);
  return classes
    .map((name, index) => ({ index, rank: rank(name.toLowerCase()), name }))
    .filter((each) => each.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name))
    .slice(0, wanted ? MOST : classes.length)
    .map((each) => each.index);
}
