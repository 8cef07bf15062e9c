// node typeset.js KATEX < [{tex, display}, ...] > [HTML, ...]; says which formula is wrong.
"use strict";

const fs = require("node:fs");
const katex = require(process.argv[2]);

function render({ tex, display }) {
  try {
    return katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: "ignore" });
  } catch (error) {
    process.stderr.write(`${error.message}\nin: ${tex}\n`);
    process.exit(1);
  }
}

process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, "utf8")).map(render)));
