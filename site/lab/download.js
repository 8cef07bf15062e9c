// Large files: fetched once, with progress, and kept in the browser's cache.

const CACHE = "gradient-lab";

/** A failure that a visitor is told in one sentence. */
export class LabError extends Error {}

/**
 * The unpacked bytes of a file.
 * @param {URL} url where it lies
 * @param {{bytes: number, version: string}} known its length, packed, and a hash of its content
 * @param {(bytes: number) => void} onProgress called with the bytes that have come so far
 * @returns {Promise<Uint8Array>}
 */
export async function download(url, { bytes, version }, onProgress) {
  const address = `${url}?v=${version}`;
  const cache = await openCache();
  const kept = await cache?.match(address);
  const packed = await read(kept ?? (await request(address)), onProgress);
  if (packed.length !== bytes && !isUnpacked(packed)) {
    throw new LabError("The download broke off: check the connection and press the button again.");
  }
  if (cache && !kept) await keep(cache, address, url, packed);
  return isUnpacked(packed) ? packed : unpack(packed);
}

// Without a cache (an insecure address, a private window) everything works, only slower next time.
async function openCache() {
  try {
    return await globalThis.caches?.open(CACHE);
  } catch {
    return undefined;
  }
}

async function keep(cache, address, url, packed) {
  try {
    const outdated = await cache.keys(url, { ignoreSearch: true });
    await Promise.all(outdated.map((request) => cache.delete(request)));
    await cache.put(address, new Response(packed));
  } catch {
    // No room: the next visit loads it again.
  }
}

async function request(address) {
  const response = await fetch(address).catch(() => null);
  if (response?.ok) return response;
  const reason = response ? `the server answered ${response.status}` : "no connection to the server";
  throw new LabError(`The lab could not be loaded (${reason}): press the button to try again.`);
}

async function read(response, onProgress) {
  const chunks = [];
  let length = 0;
  try {
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      onProgress((length += value.length));
    }
  } catch {
    throw new LabError("The download broke off: check the connection and press the button again.");
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

// Some servers announce .gz files so that the browser unpacks them itself.
function isUnpacked(bytes) {
  return bytes[0] !== 0x1f || bytes[1] !== 0x8b;
}

async function unpack(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
