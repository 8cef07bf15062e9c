// node typeset.js < [{tex, display}, ...] > [HTML, ...]; says which formula is wrong.

import { readFileSync } from "node:fs";
import katex from "katex";

function render({ tex, display }) {
  try {
    return katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: "ignore" });
  } catch (error) {
    process.stderr.write(`${error.message}\nin: ${tex}\n`);
    process.exit(1);
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(render)));
