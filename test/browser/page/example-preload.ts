/**
 * Loaded in front of an example, as a program of its own: the first step that it differentiates is traced where it stands,
 * written to the file that EXAMPLE_TRACE names, and the program ends. Nothing of the step has run before that, so the trace
 * has the example's own modules and operations; the lines that made them were not watched.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { trace, traceText } from "../../../src/inspect/index.ts";
import { Module, Sequential } from "../../../src/nn/index.ts";
import { watchedCalls } from "../../../src/nn/module/forward-call.ts";
import { Tensor } from "../../../src/tensor/tensor.ts";

const file = process.env["EXAMPLE_TRACE"] ?? "";
const size = (module: Module): number => module.parameters().reduce((sum, { size: elements }) => sum + elements, 0);

/** The largest module that was called, which is the model; an example of bare parameters has none. */
let model: Module = new Sequential();
watchedCalls.ended = (module) => {
  if (module instanceof Module && size(module) > size(model)) model = module;
};

Tensor.prototype.backward = function (this: Tensor): never {
  watchedCalls.ended = undefined;
  trace(model, (loss) => loss, [this], { forward: () => this }).then(
    (record) => {
      writeFileSync(file, traceText(record));
      process.exit();
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
  // The example ends here.
  throw new ExampleEnd();
};

class ExampleEnd extends Error {}
process.on("uncaughtException", (error) => {
  if (error instanceof ExampleEnd) return;
  console.error(error);
  process.exit(1);
});
