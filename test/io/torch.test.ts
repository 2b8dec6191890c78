import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { loadTorch } from "../../src/io/index.ts";
import { loadFile } from "../../src/io/node.ts";
import * as nn from "../../src/nn/index.ts";
import { Tensor, tensor } from "../../src/index.ts";

interface Listed {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const folder = new URL("fixtures/", import.meta.url).pathname;
const pathOf = (name: string): string => join(folder, name);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(pathOf(name)));
const jsonOf = <T>(name: string): T => JSON.parse(readFileSync(pathOf(name), "utf8")) as T;
const facts = jsonOf<{
  models: Record<string, { inputs: Listed[]; output: Listed }>;
  tensors: Record<string, Record<string, Listed>>;
}>("torch.json");

const tensorOf = ({ shape, data }: Listed): Tensor => tensor(Float32Array.from(data), { shape });

async function listed(x: Tensor | undefined): Promise<Listed> {
  return { shape: x?.shape ?? [], data: Array.from((await x?.data()) ?? [], Number) };
}

/** A module, and how it is called. */
type Case<M extends nn.Module> = readonly [M, (model: M, ...inputs: Tensor[]) => Tensor];

const plain = <M extends nn.Module & { forward(x: Tensor): Tensor }>(model: M): Case<M> => [
  model,
  (m, x) => m.forward(x),
];

const mlp = (): nn.Sequential =>
  new nn.Sequential(new nn.Linear(4, 8), new nn.BatchNorm1d(8), new nn.ReLU(), new nn.Linear(8, 3));

const cnn = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(4, 6, 3, { stride: 2, groups: 2 }),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(6, 2),
  );

async function expectSameNumbers<M extends nn.Module>(name: string, [model, run]: Case<M>): Promise<void> {
  const { inputs, output } = facts.models[name] as { inputs: Listed[]; output: Listed };
  model.loadStateDict(loadTorch(bytesOf(`${name}.pt`)));
  model.eval();
  const y = await listed(run(model, ...inputs.map(tensorOf)));
  expect(y.shape).toEqual(output.shape);
  for (const [i, value] of output.data.entries()) expect(Math.abs((y.data[i] as number) - value)).toBeLessThan(1e-6);
}

describe("PyTorch's checkpoints predict the same numbers", () => {
  test.for(["mlp", "mlp-legacy", "mlp-protocol3", "mlp-protocol4", "mlp-protocol5"])("%s", async (name) => {
    await expectSameNumbers(name, plain(mlp()));
  });

  test("float16", () => expectSameNumbers("linear-half", plain(new nn.Linear(4, 3))));
  test("cnn", () => expectSameNumbers("cnn", plain(cnn())));
  test("embedding", () =>
    expectSameNumbers("embedding", [new nn.Embedding(5, 3, { paddingIdx: 0 }), (model, x) => model.forward(x.int())]));

  test("lstm", async () => {
    const model = new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, batchFirst: true });
    await expectSameNumbers("lstm", [model, (m, x) => m.forward(x)[0]]);
  });

  test("gru", () => expectSameNumbers("gru", [new nn.GRU(3, 4), (model, x) => model.forward(x)[0]]));

  test("attention", async () => {
    const model = new nn.MultiheadAttention(8, 2, { batchFirst: true });
    await expectSameNumbers("attention", [model, (m, q, k, v) => m.forward(q as Tensor, k as Tensor, v as Tensor)[0]]);
  });

  test("encoder layer", async () => {
    const model = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 12, batchFirst: true });
    await expectSameNumbers("encoder-layer", plain(model));
  });
});

test.for(["checkpoint.pt", "checkpoint-legacy.pt"])("%s: a checkpoint of nested dicts", async (file) => {
  const { model, optimizer, scheduler, history, parameter, ...rest } = loadTorch<{
    model: Record<string, Tensor>;
    optimizer: { state: Record<string, { step: Tensor; exp_avg: Tensor }>; param_groups: Record<string, unknown>[] };
    scheduler: Record<string, unknown>;
    history: unknown;
    parameter: Tensor;
  }>(bytesOf(file));
  expect(rest).toEqual({
    epoch: 7,
    best: 0.25,
    loss: Number.POSITIVE_INFINITY,
    negative: -123456,
    large: 2 ** 40,
    seed: 2n ** 63n + 5n,
    low: -(2n ** 70n),
    name: "run ü 𝄞",
    done: false,
    none: null,
    sizes: [2, 3],
    device: "cpu",
    type: "torch.float32",
  });
  expect(await listed(optimizer.state["0"]?.exp_avg)).toEqual(facts.tensors["checkpoint"]?.["exp_avg"]);
  expect(await optimizer.state["0"]?.step.item()).toBe(3);
  expect(optimizer.param_groups[0]).toMatchObject({ lr: 0.01, betas: [0.9, 0.999], params: [0, 1, 2, 3, 4, 5] });
  expect(scheduler["milestones"]).toEqual({ 2: 1, 5: 1 });
  expect(history).toEqual([
    [0, 1.5],
    [1, 0.75],
  ]);
  expect(await parameter.array()).toEqual([1, 2]);
  mlp().loadStateDict(model);
});

const dtypes: Record<string, string> = {
  float64: "float64",
  float32: "float32",
  float16: "float32",
  bfloat16: "float32",
  int64: "int32",
  int32: "int32",
  int16: "int32",
  int8: "int32",
  uint8: "uint8",
  bool: "bool",
};

test.for(["dtypes.pt", "dtypes-legacy.pt"])("%s: every dtype", async (file) => {
  const state = loadTorch(bytesOf(file));
  expect(Object.keys(state)).toEqual(Object.keys(dtypes));
  for (const [name, dtype] of Object.entries(dtypes)) {
    expect([name, state[name]?.dtype]).toEqual([name, dtype]);
    expect(await listed(state[name])).toEqual(facts.tensors["dtypes"]?.[name]);
  }
});

test.for(["views.pt", "views-legacy.pt"])("%s: strides, offsets and shared storages", async (file) => {
  const state = loadTorch(bytesOf(file));
  for (const [name, wanted] of Object.entries(facts.tensors["views"] ?? {})) {
    expect([name, await listed(state[name])]).toEqual([name, wanted]);
  }
});

test("a single tensor, and by the name of a file", async () => {
  const x = loadTorch<Tensor>(bytesOf("tensor.pt"));
  expect(x.shape).toEqual([1, 3, 4]);
  expect(x).toBeInstanceOf(Tensor);
  const state = await loadFile(pathOf("mlp.pt"));
  expect(state["0.weight"]?.shape).toEqual([8, 4]);
});

test("tensors are copies of the bytes", async () => {
  const bytes = bytesOf("tensor.pt");
  const x = loadTorch<Tensor>(bytes);
  const before = await x.sum().item();
  bytes.fill(255);
  expect(await x.add(0).sum().item()).toBe(before);
});

describe("nothing is executed: refused by name", () => {
  test.for(Object.entries(jsonOf<Record<string, [string, string]>>("hostile.json")))("%s", ([, [base64, message]]) => {
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    expect(() => loadTorch(bytes)).toThrow(
      expect.objectContaining({ name: "TwopassError", op: "loadTorch", message: expect.stringContaining(message) }),
    );
  });

  test("posix.system, in words", () => {
    const [base64] = jsonOf<Record<string, [string, string]>>("hostile.json")["os.system"] as [string, string];
    expect(() => loadTorch(new Uint8Array(Buffer.from(base64, "base64")))).toThrow(
      'loadTorch: the file asks for more than tensors: "posix.system" is not a tensor type (nothing in a file is executed',
    );
  });
});

describe("other files", () => {
  test.for<[string, unknown, string]>([
    ["no bytes", new Uint8Array(0), "this is no file of torch.save: 0 bytes"],
    ["a text", new TextEncoder().encode("hello"), "this is no file of torch.save"],
    ["an .npz file", bytesOf("arrays.npz"), "a zip archive without data.pkl (loadNpz reads"],
    ["a cut archive", bytesOf("mlp.pt").subarray(0, -1), "the end of the archive is missing"],
    ["a cut row of pickles", bytesOf("mlp-legacy.pt").subarray(0, -1), "the file is cut off"],
    ["bytes behind", Buffer.concat([bytesOf("mlp-legacy.pt"), new Uint8Array(3)]), "bytes behind the last storage: 3"],
    ["an ArrayBuffer", new ArrayBuffer(8), "use new Uint8Array(buffer)"],
  ])("%s", ([, bytes, message]) => {
    expect(() => loadTorch(bytes as Uint8Array)).toThrow(message);
    expect(() => loadTorch(bytes as Uint8Array)).toThrow(TwopassError);
  });

  test("a changed element, by its check sum", () => {
    const bytes = bytesOf("tensor.pt");
    const one = bytes.findIndex((_, i) => new DataView(bytes.buffer, i, 4).getFloat32(0, true) === 1);
    bytes[one + 1] = 7;
    expect(() => loadTorch(bytes)).toThrow('a check sum does not fit: the entry "tensor/data/0"');
  });

  test("the memory that views of few elements take is bounded, and named", () => {
    // ("storage", FloatStorage, "0", "cpu", 1), seen as [1000, 1000] with strides of 0.
    const part = (text: string): string => `X${String.fromCharCode(text.length)}\0\0\0${text}`;
    const pickle =
      `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((${part("storage")}ctorch\nFloatStorage\n${part("0")}${part("cpu")}` +
      "K\x01tQK\0M\xe8\x03M\xe8\x03\x86K\0K\0\x86\x89}tR.";
    const legacy = [
      "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
      "\x80\x02M\xe9\x03.",
      `\x80\x02}${part("little_endian")}\x88s.`,
      pickle,
      `\x80\x02]${part("0")}a.`,
      "\x01\0\0\0\0\0\0\0\0\0\x80\x3f",
    ].join("");
    const bytes = Uint8Array.from(legacy, (char) => char.charCodeAt(0));
    expect(() => loadTorch(bytes)).toThrow(
      /too much memory: 8000000 bytes with the tensor, at most \d+ \(if you trust/,
    );
    const x = loadTorch<Tensor>(bytes, { maxBytes: 2 ** 23 });
    expect(x.shape).toEqual([1000, 1000]);
  });
});
