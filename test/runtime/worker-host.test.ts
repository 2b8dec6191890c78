/** The two ends of a device in a thread, here in one thread with copies of the messages between them. */
import { expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import { type Leaf, Value, sortGraph } from "../../src/ir/value.ts";
import { type Wanted, keyOf, programOf } from "../../src/ir/program.ts";
import { kit } from "../../src/ops/kit.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { GivenElements } from "../../src/runtime/worker/given.ts";
import { HeldElements } from "../../src/runtime/worker/held.ts";
import { DeviceHost } from "../../src/runtime/worker/host.ts";
import { RemoteDevice } from "../../src/runtime/worker/remote-device.ts";
import { type Request, readProgram, writeProgram } from "../../src/runtime/worker/wire.ts";

/** A device whose other end answers when `turn` is called. */
function pair(): { device: RemoteDevice; host: DeviceHost; turn: () => void; requests: Request[] } {
  const requests: Request[] = [];
  const answers: unknown[] = [];
  let hear: (message: unknown) => void = () => undefined;
  const host = new DeviceHost(new JsDevice(), (answer, transfer) =>
    answers.push(structuredClone(answer, { transfer: transfer as ArrayBuffer[] })),
  );
  const device = new RemoteDevice("wasm", (events) => {
    hear = events.message;
    return {
      post: (message, transfer = []) =>
        requests.push(structuredClone(message as Request, { transfer: transfer as ArrayBuffer[] })),
      hold: () => undefined,
      close: () => undefined,
    };
  });
  const turn = (): void => {
    for (const request of requests.splice(0)) host.take(request);
    for (const answer of answers.splice(0)) hear(answer);
  };
  turn();
  return { device, host, turn, requests };
}

function data(elements: TypedArray): Value {
  return makeLeaf([elements.length], "float32", { kind: "data", data: elements });
}

function planOf(device: RemoteDevice, wanted: readonly Wanted[]): { run: (leaves?: readonly Leaf[]) => unknown } {
  const key = keyOf(wanted);
  const plan = device.compile(programOf(key, wanted, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf)));
  return { run: (leaves = key.leaves) => plan.run(leaves) };
}

test("a program is the same behind its way as a list", () => {
  const x = data(Float32Array.of(1, 2, 3, 4));
  const places = makeLeaf([2], "int32", { kind: "data", data: Int32Array.of(0, 1) });
  const table = kit.reshape(kit.add(kit.mul(x, 2), kit.full([4], 0.1, "float32")), [2, 2]);
  const chosen = kit.gather(table, kit.expand(kit.reshape(places, [1, 2]), [1, 2]), 0);
  const wanted: Wanted[] = [table, chosen, kit.sum(chosen, [0])].map((value) => ({ value, cell: undefined }));
  const program = programOf(keyOf(wanted), wanted, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf));
  const wire = structuredClone(writeProgram(program));
  const { program: read, choices } = readProgram(wire);
  expect(writeProgram(read)).toEqual(wire);
  expect(choices.map(({ op }) => op.name)).toEqual(["gather"]);
  const words = (values: readonly Value[]): unknown =>
    sortGraph(values, () => false).order.map((v) => [
      v.op.name,
      v.attrs,
      v.shape,
      v.dtype,
      v.phase,
      v.inputs.map((x) => x.position),
    ]);
  expect(words(read.outputs.map(({ value }) => value))).toEqual(words(program.outputs.map(({ value }) => value)));
});

test("the host holds a result until the page has it, and nothing for ever", () => {
  const { device, host, turn } = pair();
  const plan = planOf(device, [{ value: kit.add(data(Float32Array.of(1, 2)), 1), cell: undefined }]);
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 3; i++) plan.run([{ kind: "data", data: Float32Array.of(round, i) }]);
    turn();
    // Those of this round have arrived; the next message says so.
    expect(host.held).toBe(3);
  }
});

test("data that is used again crosses twice, and stays within its bounds", () => {
  const given = new GivenElements();
  const constant = Float32Array.of(1, 2, 3);
  const sent: number[] = [];
  for (let i = 0; i < 4; i++) {
    given.give(constant);
    given.give(Float32Array.of(i));
    sent.push(given.take().given.length);
  }
  expect(sent).toEqual([2, 2, 1, 1]);
  const large = Array.from({ length: 5 }, () => new Float32Array(5 * 2 ** 20));
  const forgotten: number[] = [];
  for (const array of large) {
    given.give(array);
    given.take();
    given.give(array);
    forgotten.push(given.take().forget.length);
  }
  // 20 MiB each, 64 stay; the constant goes with the first that goes.
  expect(forgotten).toEqual([0, 0, 0, 2, 1]);
  given.give(constant);
  expect(given.take().given.map(({ stays }) => stays)).toEqual([true]);
});

test("memory of results that are gone is used again, and what is held keeps its elements", () => {
  const held = new HeldElements();
  held.holdCopy(0, Float32Array.of(1, 2));
  const first = held.get(0);
  held.recycle(0);
  expect(held.get(0)).toBeUndefined();
  held.holdCopy(1, Int32Array.of(3, 4));
  held.holdCopy(2, Float32Array.of(5, 6));
  expect(held.get(1)?.buffer).toBe(first?.buffer);
  expect([held.get(1), held.get(2)]).toEqual([Int32Array.of(3, 4), Float32Array.of(5, 6)]);
  expect(held.count).toBe(2);
});

test("a loop that never waits is stopped before it fills the memory", () => {
  const { device } = pair();
  const plan = planOf(device, [{ value: kit.add(data(new Float32Array(2)), 1), cell: undefined }]);
  const loop = (): void => {
    for (let i = 0; i < 20_000; i++) plan.run();
  };
  expect(loop).toThrow(/^device: too much work waits for the worker: 10001 runs \(await something/);
});
