// Settings in a link, so that an experiment can be passed on.

/**
 * The address of the lab with these settings behind the hash.
 * @param {URL} page
 * @param {object} experiment network, technique, photo, class and settings; null and undefined are left out
 */
export function toLink(page, experiment) {
  const known = Object.entries(experiment).filter(([, value]) => value !== null && value !== undefined);
  const link = new URL(page);
  link.hash = new URLSearchParams(known).toString();
  return link;
}

/** What a link's hash says: strings, numbers and booleans by name; {} if it says nothing. */
export function fromHash(hash) {
  return Object.fromEntries([...new URLSearchParams(hash.replace(/^#/, ""))].map(([name, value]) => [name, typed(value)]));
}

function typed(value) {
  if (value === "true" || value === "false") return value === "true";
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
