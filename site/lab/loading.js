// Loading, as visitors see it.

/** Load a network into the worker, with bytes and a bar. */
export async function loadNetwork(base, client, manifest, network, progress, status) {
  if (!manifest.networks[network]) throw new Error(`There is no network ${network} in this lab.`);
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") {
    throw new Error("This browser lacks what the lab needs (WebAssembly): try a newer one.");
  }
  progress.hidden = false;
  await client.ask({ type: "load", base: base.href, manifest, network }, ({ loaded, total }) => {
    progress.value = loaded / total;
    status.textContent = loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} MB` : "Starting the network …";
  });
  progress.hidden = true;
  status.textContent = "";
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** What lab.json says: files, networks, photographs, colours. @param {URL} base */
export async function readManifest(base) {
  const response = await fetch(new URL("lab.json", base)).catch(() => null);
  if (response?.ok) return response.json();
  throw new Error("The lab could not be loaded: check the connection and press the button again.");
}
