// Small helpers to build what the page shows.

/**
 * An element with properties and children.
 * @param {string} tag
 * @param {object} [properties] set as properties; `class`, `data-...`, `aria-...` and `role` as attributes
 * @param {...(Node|string|null)} children null is left out
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (/^(class|role|for|list)$|^(aria|data)-/.test(name)) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

let count = 0;

/** A name that no other element of the page has. */
export function freshId() {
  return `lab-${(count += 1)}`;
}

/** Draw an image on a canvas, which takes its size. @param {HTMLCanvasElement} canvas */
export function draw(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.classList.toggle("lab-coarse", image.width < 100);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** One radio button of a group, as a pill. */
export function pill(group, value, label, checked, onchange) {
  const input = element("input", { type: "radio", name: group, value, checked, onchange });
  return element("label", { class: "lab-pill" }, input, element("span", {}, label));
}
