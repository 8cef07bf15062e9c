// node used_styles.js FOLDER < CSS > the rules of it that some page or script of FOLDER can use.

import { readFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

const folder = process.argv[2];
const content = [`${folder}/**/*.html`, `${folder}/**/*.js`];
const css = [{ raw: readFileSync(0, "utf8") }];
// How themes and widgets say their state, and what a script may set at any time.
const dynamicAttributes = ["data-theme", "data-mode", "aria-expanded", "open", "type", "role"];
const [{ css: used }] = await new PurgeCSS().purge({ content, css, dynamicAttributes });
process.stdout.write(used);
