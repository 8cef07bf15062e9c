// A search field for one of many class names: an ARIA combobox with a list.

import { element, freshId } from "./dom.js";

const MOST = 40; // names in the list

export class ClassSearch {
  /**
   * @param {string} label
   * @param {string[]} classes
   * @param {(index: number) => void} onChoice
   */
  constructor(label, classes, onChoice) {
    Object.assign(this, { classes, onChoice, shown: 0, active: -1, names: freshId() });
    const field = freshId();
    this.list = element("ul", {
      id: this.names, role: "listbox", "aria-label": label, class: "lab-options", hidden: true,
    });
    this.input = this.#makeInput(field);
    const text = element("label", { for: field }, label);
    this.node = element("div", { class: "lab-field lab-search" }, text, this.input, this.list);
  }

  /** Show a class as the one that is chosen. */
  show(index) {
    this.shown = index;
    this.input.value = this.classes[index];
  }

  #makeInput(id) {
    return element("input", {
      id, type: "text", role: "combobox", autocomplete: "off", spellcheck: false,
      "aria-controls": this.names, "aria-expanded": "false", "aria-autocomplete": "list",
      onfocus: () => this.input.select(),
      oninput: () => this.#open(this.input.value),
      onclick: () => this.#open(""),
      onkeydown: (event) => this.#onKey(event),
      onblur: () => this.#close(),
    });
  }

  get #options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  #open(text) {
    const found = find(this.classes, text);
    this.list.replaceChildren(...found.map((index) => this.#option(index)));
    if (!found.length) this.list.append(element("li", { class: "lab-none" }, "No class of this name"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#mark(found.length && this.input.value !== this.classes[this.shown] ? 0 : found.indexOf(this.shown));
  }

  #option(index) {
    const onpointerdown = (event) => {
      event.preventDefault(); // else the field loses the focus, and the list is gone
      this.#choose(index);
    };
    const id = `${this.names}-${index}`;
    const properties = { id, role: "option", "data-index": index, "aria-selected": "false", onpointerdown };
    return element("li", properties, this.classes[index]);
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.classes[this.shown];
  }

  #mark(place) {
    const options = this.#options;
    this.active = Math.max(-1, Math.min(place, options.length - 1));
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === this.active)));
    const option = options[this.active];
    if (!option) return;
    this.input.setAttribute("aria-activedescendant", option.id);
    this.list.scrollTop = option.offsetTop - this.list.clientHeight / 2;
  }

  #choose(index) {
    this.shown = index;
    this.#close();
    this.onChoice(index);
  }

  #onKey(event) {
    const isOpen = !this.list.hidden;
    const option = this.#options[this.active];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.#move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && isOpen && option) {
      event.preventDefault();
      this.#choose(Number(option.dataset.index));
    } else if (event.key === "Escape" && isOpen) {
      event.stopPropagation();
      this.#close();
    }
  }

  #move(places) {
    if (this.list.hidden) this.#open("");
    else this.#mark(Math.max(0, this.active + places));
  }
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
