// The explorers and questions of a page, moved by Jupyter's own widgets without a kernel.
// site/vendor_scripts.py bundles this file; course.js loads it when the first widget comes near.

import * as base from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import * as controls from "@jupyter-widgets/controls";
import "@jupyter-widgets/controls/css/labvariables.css";
import "@jupyter-widgets/controls/css/widgets-base.css";
import { MessageLoop } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import "@lumino/widgets/style/index.css";

const MODULES = { "@jupyter-widgets/base": base, "@jupyter-widgets/controls": controls };
const REFERENCE = "IPY_MODEL_";

// Makes models out of the page's saved state, and only those that what is shown needs.
class SavedState extends ManagerBase {
  constructor(saved) {
    super();
    this.saved = saved;
    this.unlinked = Object.keys(saved).filter((id) => /^(Directional)?LinkModel$/.test(saved[id].model_name));
  }

  async loadClass(name, module) {
    return MODULES[module][name];
  }

  async get_model(id) {
    if (!this.has_model(id)) {
      const { state, ...kind } = this.saved[id];
      return this.new_model({ ...kind, model_id: id }, state);
    }
    return super.get_model(id);
  }

  // Nothing refers to a link: it is made once the models at both its ends are there.
  async link() {
    const bothEnds = (id) =>
      ["source", "target"].every((end) => this.has_model(this.saved[id].state[end][0].slice(REFERENCE.length)));
    const ready = this.unlinked.filter(bothEnds);
    this.unlinked = this.unlinked.filter((id) => !ready.includes(id));
    await Promise.all(ready.map((id) => this.get_model(id)));
  }

  async _create_comm() {
    return { on_close() {}, on_msg() {}, close() {} };
  }

  async _get_comm_info() {
    return {};
  }
}

// Pictures asked for in advance; kept, so that the browser keeps them decoded.
const fetched = new Map();

function fetchPictures(model) {
  for (const [, source] of (model.get("value") ?? "").toString().matchAll(/<img [^>]*src="([^"]+)"/g)) {
    if (!fetched.has(source)) {
      const picture = new Image();
      picture.src = source;
      fetched.set(source, picture.decode().catch(() => fetched.delete(source)));
    }
  }
  shownChildren(model).forEach(fetchPictures);
}

function isStack(model) {
  return model.get("_model_name") === "StackModel";
}

function shownChildren(model) {
  const children = model.get("children") ?? [];
  return isStack(model) ? children.filter((_, index) => index === model.get("selected_index")) : children;
}

// What a step to either side would show, and the one that Play shows after that.
function fetchNeighbours(model) {
  if (isStack(model)) {
    const children = model.get("children");
    const shown = model.get("selected_index") ?? -1;
    [shown - 1, shown + 1, shown + 2].forEach((index) => children[index] && fetchPictures(children[index]));
  }
  shownChildren(model).forEach(fetchNeighbours);
}

function descendants(model) {
  return [model, ...(model.get("children") ?? []).flatMap(descendants)];
}

// An explorer fetches ahead from the first touch on, not before.
function fetchAhead(model, place) {
  const start = () => {
    place.removeEventListener("pointerover", start);
    place.removeEventListener("focusin", start);
    fetchNeighbours(model);
    descendants(model)
      .filter(isStack)
      .forEach((stack) => stack.on("change:selected_index", () => fetchNeighbours(model)));
  };
  place.addEventListener("pointerover", start);
  place.addEventListener("focusin", start);
}

async function complete(view) {
  for (const child of view.children_views?.views ?? []) await complete(await child);
}

let manager;
const views = [];

// Show the widget with this id in `place`, an empty element of the page; done when all of it is there.
export async function show(id, place) {
  manager ??= new SavedState(
    JSON.parse(document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]').text).state,
  );
  const model = await manager.get_model(id);
  await manager.link();
  const view = await manager.create_view(model);
  fetchAhead(model, place);
  Widget.attach(view.luminoWidget, place);
  views.push(view.luminoWidget);
  await complete(view);
}

window.addEventListener("resize", () => {
  views.forEach((view) => MessageLoop.postMessage(view, Widget.ResizeMessage.UnknownSize));
});
