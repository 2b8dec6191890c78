import { expect, test } from "vitest";
import { DataLoader, Table, TableEncoder, type TableEncoding, TensorDataset, parseCsv } from "../../src/data/index.ts";

const table = parseCsv("x,kind,ok,y\n1,b,true,10\n2,a,false,20\n,b,,30\n4,,true,40\n");

test("rows, columns and parts", () => {
  expect(table.get(2)).toEqual({ x: Number.NaN, kind: "b", ok: null, y: 30 });
  expect(table.select(["y", "x"]).names).toEqual(["y", "x"]);
  expect([...table.take([3, 0]).rows()].map(({ y }) => y)).toEqual([40, 10]);
  expect(table.slice(-2).numbers("y")).toEqual(Float64Array.of(30, 40));
  expect(table.slice(1, 3).texts("kind")).toEqual(["a", "b"]);
  expect(table.filter((row) => row["ok"] === true).booleans("ok")).toEqual([true, true]);
  expect(table.dropMissing().length).toBe(2);
  expect(table.dropMissing(["kind"]).length).toBe(3);
  expect(() => table.column("knd")).toThrow('Table: no column "knd" (did you mean "kind"?)');
  expect(() => table.numbers("kind")).toThrow('column "kind" holds no numbers: it is a column of kind text');
  expect(() => table.select(["x", "x"])).toThrow('"x" is given twice');
  expect(() => table.take([4])).toThrow("no such row: 4 of 4");
  expect(() => new Table(new Map())).toThrow("needs at least one column");
  const ragged = new Map([
    ["a", { kind: "number", values: new Float64Array(2) }],
    ["b", { kind: "number", values: new Float64Array(3) }],
  ] as const);
  expect(() => new Table(ragged)).toThrow('"a" has 2 fields, "b" has 3');
});

test("records become a table", () => {
  const made = Table.fromRecords([
    { a: 1, b: "x" },
    { a: null, b: "y", c: true },
  ]);
  expect([...made.rows()]).toEqual([
    { a: 1, b: "x", c: null },
    { a: Number.NaN, b: "y", c: true },
  ]);
  expect(() => Table.fromRecords([{ a: 1 }, { a: "x" }])).toThrow('number expected: record 1, column "a" has "x"');
  expect(() => Table.fromRecords([{ a: [] }])).toThrow('record 0, column "a" has an array');
});

test("shuffle and split keep rows whole, and the same seed gives the same ones", () => {
  const big = parseCsv(`a,b\n${Array.from({ length: 100 }, (_, i) => `${i},${i * 3}`).join("\n")}`);
  const [train, test_] = big.split(0.8, { seed: 3 });
  expect([train.length, test_.length]).toEqual([80, 20]);
  expect(big.split(0.8, { seed: 3 })[1].numbers("a")).toEqual(test_.numbers("a"));
  expect(big.split(0.8, { seed: 4 })[1].numbers("a")).not.toEqual(test_.numbers("a"));
  const all = [...train.rows(), ...test_.rows()];
  expect(new Set(all.map(({ a }) => a)).size).toBe(100);
  expect(all.every(({ a, b }) => (b as number) === (a as number) * 3)).toBe(true);
  expect(big.split(0.5, { shuffle: false })[0].numbers("a")[49]).toBe(49);
  expect(() => big.split(1)).toThrow("the fraction must leave rows for both tables: 1 of 100 rows");
});

test("describe counts what is there and what is missing", () => {
  const [x, kind] = table.describe();
  expect(x).toEqual({
    name: "x",
    kind: "number",
    count: 3,
    missing: 1,
    unique: 3,
    mean: expect.closeTo(7 / 3, 12),
    std: expect.closeTo(Math.sqrt(7 / 3), 12),
    min: 1,
    median: 2,
    max: 4,
    top: undefined,
  });
  expect(kind).toMatchObject({ count: 3, missing: 1, unique: 2, top: "b", mean: undefined });
  expect(parseCsv("a,b\n,1\n").describe()[0]).toMatchObject({
    count: 0,
    mean: NaN,
    std: NaN,
    min: NaN,
    top: undefined,
  });
});

test("tensors: standardised numbers, one-hot texts, classes; the encoder survives JSON", async () => {
  const train = parseCsv("x,kind,ok,label\n1,b,true,no\n2,a,false,yes\n6,b,true,no\n");
  const { inputs, target, encoder } = train.toTensors({ target: "label" });
  expect(encoder.featureNames).toEqual(["x", "kind=a", "kind=b", "ok"]);
  expect(encoder.classes).toEqual(["no", "yes"]);
  const std = Math.sqrt(14 / 3);
  expect(await inputs.array()).toEqual([
    [expect.closeTo(-2 / std, 6), 0, 1, 1],
    [expect.closeTo(-1 / std, 6), 1, 0, 0],
    [expect.closeTo(3 / std, 6), 0, 1, 1],
  ]);
  expect([target.dtype, await target.array()]).toEqual(["int32", [0, 1, 0]]);
  const later = TableEncoder.fromJSON(JSON.parse(JSON.stringify(encoder)) as TableEncoding);
  const other = parseCsv("ok,x,kind\nfalse,3,a\n");
  expect(await later.inputs(other).array()).toEqual([[0, 1, 0, 0]]);
  for await (const [x, y] of new DataLoader(new TensorDataset(inputs, target), { batchSize: 2 })) {
    expect([x.shape[1], y.dtype]).toEqual([4, "int32"]);
  }
});

test("a target of numbers is a column, and predictions come back in its unit", async () => {
  const data = parseCsv("x,y\n1,10\n3,30\n");
  const plain = data.toTensors({ target: "y", standardize: false });
  expect([await plain.inputs.array(), await plain.target.array()]).toEqual([
    [[1], [3]],
    [[10], [30]],
  ]);
  const { target, encoder } = data.toTensors({ target: "y", standardizeTarget: true });
  expect(await target.array()).toEqual([[-1], [1]]);
  expect(encoder.decodeTarget([-1, 1, 0])).toEqual([10, 30, 20]);
  const classes = data.toTensors({ target: "y", task: "classification" });
  expect([await classes.target.array(), classes.encoder.classes]).toEqual([
    [0, 1],
    [10, 30],
  ]);
  expect("target" in data.toTensors()).toBe(false);
});

test("a constant column becomes zeros; missing inputs are filled where that is wanted", async () => {
  const data = parseCsv("c,x,t\n5,1,a\n5,,\n5,3,b\n");
  expect(await data.toTensors({ missing: "fill" }).inputs.array()).toEqual([
    [0, -1, 1, 0],
    [0, 0, 0, 0],
    [0, 1, 0, 1],
  ]);
  const { inputs } = data.toTensors({ inputs: ["x"], missing: "fill", standardize: false });
  expect(await inputs.array()).toEqual([[1], [2], [3]]);
});

const bad = parseCsv("x,kind,one,void,label\n1,a,k,,p\n,b,k,,\n3,c,k,,q\n");
const encode =
  (options: object): (() => unknown) =>
  () =>
    bad.toTensors(options);
test.each([
  [
    "a missing input",
    encode({ inputs: ["x"] }),
    'column "x" has missing fields: 1 row, the first is row 1 of this table ({ missing: "fill" }',
  ],
  [
    "a missing target",
    encode({ inputs: ["kind"], target: "label" }),
    'column "label" has missing fields: 1 row, the first is row 1 of this table',
  ],
  ["one class", encode({ inputs: ["kind"], target: "one" }), 'the target "one" has one class only: "k"'],
  ["an unknown target", encode({ target: "labl" }), 'no column "labl" (did you mean "label"?)'],
  ["a target among the inputs", encode({ inputs: ["x", "kind"], target: "x" }), 'the target "x" is one of the inputs'],
  [
    "a regression of texts",
    encode({ inputs: ["kind"], target: "one", task: "regression" }),
    "must be a column of numbers",
  ],
  ["an empty column", encode({ inputs: ["void"], missing: "fill" }), 'column "void" is empty'],
  ["too many texts", encode({ inputs: ["kind"], maxCategories: 2 }), "too many different texts: 3, at most 2"],
  ["no inputs", encode({ inputs: [] }), "no inputs"],
  ["a wrong choice", encode({ missing: "drop" }), 'missing must be "error" or "fill": got "drop"'],
  ["an unknown option", encode({ labels: "x" }), 'unknown option "labels"'],
  ["JSON of something else", () => TableEncoder.fromJSON({} as TableEncoding), "not the JSON of a TableEncoder"],
] as const)("%s is an error", (_, act, message) => {
  expect(act).toThrow(expect.objectContaining({ name: "TwopassError", message: expect.stringContaining(message) }));
});

test("what the training table did not have is an error, or zeros", async () => {
  const train = parseCsv("kind,y\na,no\nb,yes\n");
  const test_ = parseCsv("kind,y\nz,maybe\n");
  const strict = TableEncoder.fit(train, { target: "y" });
  expect(() => strict.inputs(test_)).toThrow(
    'column "kind" has a text that the training table did not have: row 0, "z"',
  );
  expect(() => strict.target(test_)).toThrow('row 0, "maybe"');
  expect(() => strict.inputs(parseCsv("kind\n1\n"))).toThrow("it is number, was text");
  expect(await TableEncoder.fit(train, { target: "y", unknown: "zeros" }).inputs(test_).array()).toEqual([[0, 0]]);
});

test("what is no list of records, or no map of columns, is refused", () => {
  const takes = "Table.fromRecords: takes a list of records, at least one";
  expect(() => Table.fromRecords([])).toThrow(takes);
  expect(() => Table.fromRecords({ a: 1 } as never)).toThrow(takes);
  expect(() => Table.fromRecords([{ a: 1 }, undefined] as never)).toThrow(`${takes}: record 1 is undefined`);
  expect(() => new Table({ a: [1] } as never)).toThrow("Table: takes a Map of columns");
});

test("a column of very many different texts is described", () => {
  const values = Array.from({ length: 300_000 }, (_, i) => `text ${i}`);
  const [only] = new Table(new Map([["id", { kind: "text", values }]])).describe();
  expect(only).toMatchObject({ unique: 300_000, top: "text 0" });
});

test("a column of numbers with a mistake in it is not taken for texts", () => {
  const rows = Array.from({ length: 20 }, (_, i) => `${i},${i % 2 === 0 ? "a" : "b"},${2 * i}`);
  rows[7] = "inf,b,14";
  const table = parseCsv(`size,kind,price\n${rows.join("\n")}\n`);
  expect(() => table.toTensors({ target: "price" })).toThrow(
    /column "size" has numbers and 1 other field: row 7 is "inf" \(correct it, or add its text to `missing`/,
  );
  expect(() => table.toTensors({ inputs: ["kind"], target: "size" })).toThrow(/column "size" has numbers and 1 other/);
  expect(table.toTensors({ target: "price", categorical: ["size"] }).inputs.shape).toEqual([20, 22]);
  const read = parseCsv(`size,kind,price\n${rows.join("\n")}\n`, { missing: ["inf"] }).dropMissing();
  expect(read.toTensors({ target: "price" }).inputs.shape).toEqual([19, 3]);
});
