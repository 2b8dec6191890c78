import { inspect } from "node:util";
import { expect, test } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { Linear, Sequential } from "../../src/nn/index.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";

function errorOf(f: () => unknown): TwopassError {
  try {
    f();
  } catch (error) {
    if (error instanceof TwopassError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function firstFrame(error: Error): string {
  return error.stack?.split("\n").find((line) => /^\s+at /.test(line)) ?? "";
}

test.each([
  ["a check in the method", () => zeros(2, 3).reshape(4)],
  ["a check inside of a built-in function", () => zeros(2, 3).sum([0, 5])],
  ["elements in a nested array", () => tensor([[1, 2], [3]])],
  ["a position", () => zeros(2, 3).at(5)],
  [
    "modules in modules, which are more frames than a stack has by itself",
    () => {
      let model = new Sequential(new Linear(3, 4), new Linear(3, 4));
      for (let i = 0; i < 5; i++) model = new Sequential(model);
      return model.forward(zeros(1, 3));
    },
  ],
] as const)("a stack starts at the user's line: %s", (_, f) => {
  expect(firstFrame(errorOf(f))).toContain("errors.test.ts");
});

test("a stack is no longer than the program asks for, and the limit stays", () => {
  const settings = Error as { stackTraceLimit?: number };
  const before = settings.stackTraceLimit;
  settings.stackTraceLimit = 2;
  const { stack } = errorOf(() => zeros(2, 3).at(5));
  expect(settings.stackTraceLimit).toBe(2);
  if (before !== undefined) settings.stackTraceLimit = before;
  expect(stack?.split("\n").filter((line) => /^\s+at /.test(line))).toHaveLength(2);
});

test("only the fields that say something are printed, and all of them are there", () => {
  const plain = new TwopassError({ op: "add", problem: "no" });
  expect(inspect(plain)).toMatch(/\{\s+op: 'add'\s+\}$/);
  expect(JSON.parse(JSON.stringify(plain))).toEqual({ name: "TwopassError", op: "add" });
  expect([plain.hint, plain.shapes, plain.dtypes]).toEqual([undefined, [], []]);
  const full = new TwopassError({ op: "add", problem: "no", hint: "h", shapes: [[2]], dtypes: ["bool"] });
  expect(inspect(full)).toMatch(/\{\s+op: 'add',\s+hint: 'h',\s+shapes: \[ \[ 2 \] \],\s+dtypes: \[ 'bool' \]\s+\}$/);
});
