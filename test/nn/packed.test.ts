import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { int32, tensor, zeros } from "../../src/tensor/creation.ts";

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
]);

test("padding behind the ends is zero, and comes back as one likes", () => {
  const packed = nn.packPaddedSequence(x, [1, 2, 1], { batchFirst: true, enforceSorted: false });
  expect(packed.padded.arraySync()).toEqual([
    [1, 0],
    [4, 5],
    [7, 0],
  ]);
  expect(packed.lengths).toEqual([1, 2, 1]);
  expect(packed.batchSizes).toEqual([3, 1]);
  expect(String(packed)).toBe("PackedSequence([3, 2], lengths [1, 2, 1])");
  const [turned, lengths] = nn.padPackedSequence(packed, { paddingValue: -1, totalLength: 3 });
  expect(turned.arraySync()).toEqual([
    [1, 4, 7],
    [-1, 5, -1],
    [-1, -1, -1],
  ]);
  expect(lengths).toEqual([1, 2, 1]);
  const [same] = nn.padPackedSequence(nn.packPaddedSequence(x, int32([3, 2, 2])));
  expect(same.arraySync()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [7, 0, 0],
  ]);
});

test("the steps alone are in PyTorch's order", () => {
  // torch.nn.utils.rnn.pack_sequence([[1, 2], [4, 5, 6], [7]], enforce_sorted=False).data
  const sequences = [tensor([1, 2]), tensor([4, 5, 6]), tensor([7])];
  const packed = nn.packSequence(sequences, { enforceSorted: false });
  expect(packed.data.arraySync()).toEqual([4, 1, 7, 5, 2, 6]);
  expect(packed.batchSizes).toEqual([3, 2, 1]);
  const padded = nn.padSequence(sequences, { batchFirst: true, paddingValue: 9 });
  expect(padded.arraySync()).toEqual([
    [1, 2, 9],
    [4, 5, 6],
    [7, 9, 9],
  ]);
  const again = nn.packPaddedSequence(padded, [2, 3, 1], { batchFirst: true, enforceSorted: false });
  expect(again.data.arraySync()).toEqual([4, 1, 7, 5, 2, 6]);
  expect(nn.padSequence([zeros(2, 4), zeros(3, 4)]).shape).toEqual([3, 2, 4]);
});

test("gradients reach the steps, not what lies behind them", () => {
  const input = tensor([1, 2, 3, 4, 5, Number.NaN], { shape: [3, 2], requiresGrad: true });
  nn.packPaddedSequence(input, [3, 2]).data.square().sum().backward();
  expect(input.grad?.arraySync()).toEqual([
    [2, 4],
    [6, 8],
    [10, 0],
  ]);
});

test("lengths that do not fit are named", () => {
  const pack = (lengths: unknown, options?: { batchFirst?: boolean; enforceSorted?: boolean }): nn.PackedSequence =>
    nn.packPaddedSequence(zeros(4, 2), lengths as number[], options);
  expect(() => pack([2, 3])).toThrow(
    "packPaddedSequence: the lengths must not grow: length 0 is 2, length 1 is 3 ({ enforceSorted: false } takes any order, at no cost)",
  );
  expect(() => pack([5, 3])).toThrow("a length out of range: length 0 is 5, and there are 4 steps");
  expect(() => pack([4, 0])).toThrow("length 1 is 0, and there are 4 steps (leave empty sequences out of the batch)");
  expect(() => pack([4])).toThrow("needs one length for each sequence: lengths [1] for 2 sequences");
  expect(() => pack([1.5, 1])).toThrow("lengths must be whole numbers");
  expect(() => pack(tensor([4, 1]))).toThrow("lengths must be whole numbers: got float32 [2]");
  expect(() => pack(int32([2, 1]).add(int32([1, 1])))).toThrow("must be known when the graph is built");
  expect(() => pack([])).toThrow("needs one length");
  expect(() => nn.packPaddedSequence(zeros(4), [4])).toThrow("must have 2 dims or more [T, N, ...]");
  expect(() => nn.packSequence([])).toThrow("packSequence: takes at least one tensor");
  expect(() => nn.packSequence([zeros(0, 2), zeros(0, 2)])).toThrow("a sequence without steps: sequence 0");
  expect(() => nn.packSequence([zeros(1), zeros(2)])).toThrow("packSequence: the lengths must not grow");
  expect(() => nn.padSequence([zeros(2, 3), zeros(2, 4)])).toThrow("sequence 0 is [2, 3], sequence 1 is [2, 4]");
  expect(() => nn.padPackedSequence(zeros(2) as never)).toThrow("takes a packed sequence: got a Tensor");
  expect(() => nn.padPackedSequence(pack([4, 1]), { totalLength: 3 })).toThrow(
    "totalLength must be a whole number from 4",
  );
});

test("numbers are no sequences", () => {
  expect(() => nn.padSequence([tensor(3), tensor(4)])).toThrow("a sequence has a dim of time: sequence 0 has shape []");
});
