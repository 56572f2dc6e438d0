// The part of the Jupyter extension's API that mechwidget uses: every notebook has one kernel, which
// answers any code with what answer.json holds and keeps the code that it was given.
const { readFileSync, appendFileSync } = require("node:fs");
const { join } = require("node:path");

exports.activate = () => ({
  kernels: {
    getKernel: async () => ({
      language: "python",
      async *executeCode(code) {
        appendFileSync(join(__dirname, "code.txt"), code);
        const data = readFileSync(join(__dirname, "answer.json"));
        yield { items: [{ mime: "application/vnd.mechwidget.answer+json", data: new Uint8Array(data) }] };
      },
    }),
  },
});
