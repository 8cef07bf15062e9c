// Labelled form fields.

import { element, freshId } from "./dom.js";

export function checkField(text, checked, onChange) {
  const id = freshId();
  const box = element("input", { type: "checkbox", id, checked, onchange: () => onChange(box.checked) });
  return element("div", { class: "lab-field lab-check" }, box, element("label", { for: id }, text));
}

/** A field for a number, which is brought into its limits. */
export function numberField(text, value, { min, max, step }, onChange) {
  const within = (number) => Math.min(max, Math.max(min, Number.isNaN(number) ? min : number));
  const input = element("input", { type: "number", min, max, step, value, inputMode: "decimal",
    onchange: () => onChange((input.value = within(input.valueAsNumber))) });
  return labelled(text, input);
}

/** @param {[value: string|number, name: string][]} choices */
export function choiceField(text, value, choices, onChange) {
  const options = choices.map(([each, name]) => element("option", { value: each }, name));
  const select = element("select", { onchange: () => onChange(choices[select.selectedIndex][0]) }, options);
  select.value = String(value);
  return labelled(text, select);
}

function labelled(text, control) {
  control.id = freshId();
  return element("div", { class: "lab-field" }, element("label", { for: control.id }, text), control);
}
