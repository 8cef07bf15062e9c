// Where visitors choose a picture: the course's, a file, the camera, a drop, a paste.

import { hasCamera, photograph } from "./camera.js";
import { element, freshId } from "./dom.js";
import { pictureIn } from "./pictures.js";
import { coursePhoto, ownFile, readyPicture } from "./sources.js";

const CAMERA_SIZE = 224; // what the largest network takes

export class Intake {
  /**
   * @param {object[]} photos of the course
   * @param {URL} base where they lie
   * @param {(find: () => Promise<import("./sources.js").Source|null>) => void} onChoice
   */
  constructor(photos, base, onChoice) {
    Object.assign(this, { photos, base, onChoice });
    this.thumbnails = photos.map((photo) => this.#thumbnail(photo));
    this.strip = element("div", { class: "lab-strip" }, this.thumbnails);
    this.node = element("fieldset", { class: "lab-pictures" },
      element("legend", {}, "Change the picture"),
      this.#ownPicture(),
      this.strip);
  }

  /** Choose a photograph of the course. */
  choosePhoto(name) {
    const photo = this.photos.find((each) => each.name === name);
    return this.onChoice(() => coursePhoto(photo, this.base));
  }

  chooseFile(file) {
    return this.onChoice(() => ownFile(file));
  }

  /** Mark the photograph that is shown; null when it is none of the course's. */
  mark(name) {
    for (const { firstChild: input } of this.thumbnails) input.checked = input.value === name;
    const marked = this.thumbnails.find(({ firstChild: input }) => input.checked);
    if (marked) this.strip.scrollLeft = marked.offsetLeft - (this.strip.clientWidth - marked.clientWidth) / 2;
  }

  #thumbnail({ name, shows }) {
    this.group ??= freshId();
    const input = element("input", {
      type: "radio", name: this.group, value: name, onchange: () => this.choosePhoto(name),
    });
    const image = element("img", {
      loading: "lazy", src: new URL(`photos/${name}-small.webp`, this.base).href, alt: shows, title: shows,
      width: 64, height: 64, class: "dark-light",
    });
    return element("label", { class: "lab-thumbnail" }, input, image);
  }

  #ownPicture() {
    const file = this.#fileField();
    const button = (label, onclick) => element("button", { type: "button", onclick }, label);
    return element("div", { class: "lab-row" },
      button("Your own picture", () => file.click()),
      hasCamera() ? button("Camera", () => this.#chooseCamera()) : null,
      file,
      element("span", { class: "lab-hint" }, "or drop or paste one here. It stays on this device."));
  }

  #fileField() {
    const field = element("input", {
      type: "file", accept: "image/*", class: "lab-hidden", tabIndex: -1, "aria-label": "Choose a picture",
      onchange: () => {
        if (field.files[0]) this.chooseFile(field.files[0]);
        field.value = ""; // so that the same file can be chosen again
      },
    });
    return field;
  }

  #chooseCamera() {
    return this.onChoice(async () => {
      const taken = await photograph(this.node, CAMERA_SIZE);
      return taken && readyPicture(taken, "Your picture");
    });
  }

  /** Take what is dropped on `area`, or pasted where `isMine` says so. */
  listen(area, isMine) {
    const take = (transfer) => {
      const file = pictureIn(transfer);
      if (file) this.chooseFile(file);
      return Boolean(file);
    };
    acceptDrops(area, take);
    document.addEventListener("paste", (event) => {
      if (isMine() && take(event.clipboardData)) event.preventDefault();
    });
  }
}

function acceptDrops(area, take) {
  const mark = (isOver) => area.classList.toggle("lab-over", isOver);
  area.addEventListener("dragover", (event) => {
    event.preventDefault(); // else the browser opens the file itself
    mark(true);
  });
  area.addEventListener("dragleave", () => mark(false));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    take(event.dataTransfer);
  });
}
