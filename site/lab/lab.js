// The gradient lab. Every element of class "gradient-lab" on the page becomes one.
//
// <div class="gradient-lab" data-technique="fooling" data-photo="dog" data-class="goldfish"></div>
// shows one technique; without data-technique all are offered, and the address restores settings.

import { CATALOGUE } from "./catalogue.js";
import { sharedClient } from "./client.js";
import { element } from "./dom.js";
import { fromHash } from "./link.js";
import { loadNetwork, readManifest } from "./loading.js";

const BASE = new URL(".", import.meta.url);
const FIRST = { network: "efficientnet_lite0", photo: "dog" };

/**
 * Replace an element's content by a closed lab: what it is, what it costs, and a button.
 * @param {HTMLElement} root
 */
function mount(root) {
  const { technique, photo, network } = root.dataset;
  const given = { technique, photo, network, class: root.dataset.class };
  const wanted = { ...FIRST, ...defined(given), ...(technique ? {} : fromHash(location.hash)) };
  const title = technique ? CATALOGUE[technique].title : "The gradient lab";
  const progress = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Loading" });
  const status = element("p", { class: "lab-status", role: "status" });
  const button = element("button", { type: "button", class: "lab-primary", onclick: () => start() }, "Start the lab");
  const poster = element("div", { class: "lab-poster" },
    element("p", { class: "lab-title" }, technique ? `${title}, on your own picture` : title),
    element("p", {}, "The network runs in this browser. The start loads about 13 MB, once; your pictures stay on this device."),
    button, progress, status);
  root.replaceChildren(poster);

  async function start() {
    button.disabled = true;
    try {
      const manifest = await readManifest(BASE);
      const client = sharedClient();
      await loadNetwork(BASE, client, manifest, wanted.network, progress, status);
      const { Bench } = await import("./bench.js");
      await new Bench(root, { base: BASE, client, manifest, wanted, fixed: technique }).open();
    } catch (error) {
      status.textContent = error.message;
      progress.hidden = true;
      button.disabled = false;
    }
  }
}

function defined(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function addStyle() {
  const href = new URL("lab.css", BASE).href;
  if (!document.querySelector(`link[href="${href}"]`)) document.head.append(element("link", { rel: "stylesheet", href }));
}

const places = document.querySelectorAll(".gradient-lab");
if (places.length) addStyle();
places.forEach(mount);
