import { expect, test } from "vitest";
import { type Tensor, tensor } from "../../src/index.ts";
import { AdapterError, adaptersOf } from "./signature.ts";

const call = (line: string, args: unknown[], keywords = {}): unknown =>
  [...adaptersOf(line).values()][0]?.call(args, keywords);

test("a line binds PyTorch's arguments and calls the method", async () => {
  const x = tensor([1, 2]);
  const y = tensor([10, 20]);
  expect(await (call("rsub(input, other) = other.sub(input)", [x], { other: y }) as Tensor).array()).toEqual([9, 18]);
});

test("a line calls a function, with options in camelCase and without null", async () => {
  const made = call(
    "full(size, fill_value, *, dtype, requires_grad) = full(size, fill_value, {dtype, requires_grad})",
    [[2], 7],
    {
      dtype: null,
      requires_grad: true,
    },
  ) as Tensor;
  expect(await made.array()).toEqual([7, 7]);
  expect(made.requiresGrad).toBe(true);
});

test("a line reads an accessor", () => {
  expect(call("numel(input) = input.size", [tensor([1, 2, 3])])).toBe(3);
});

test("what the library lacks is not available", () => {
  expect(adaptersOf("nothing(input) = input.noSuchMethodAnywhere()").get("nothing")?.available()).toBe(false);
  expect(adaptersOf("add(input, other) = input.add(other)").get("add")?.available()).toBe(true);
});

test("arguments that a line does not expect are errors of the table", () => {
  expect(() => call("neg(input) = input.neg()", [tensor([1]), 2])).toThrow(AdapterError);
  expect(() => call("neg(input) = input.neg()", [tensor([1])], { dim: 1 })).toThrow(AdapterError);
});

test("a line that forgets or invents a parameter is an error", () => {
  expect(() => adaptersOf("add(input, other, alpha) = input.add(other)")).toThrow("makes no use of alpha");
  expect(() => adaptersOf("add(input, other) = input.add(value)")).toThrow(AdapterError);
});
