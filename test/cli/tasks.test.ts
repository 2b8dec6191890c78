/** Each kind of task: trained, tested again from its file, and used. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModel } from "../../src/cli/model-file.ts";
import {
  CharTokenizer,
  type CharTokenizerJson,
  TableEncoder,
  type TableEncoding,
  parseCsv,
} from "../../src/data/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { idxBytes, writeRows } from "./idx-files.ts";
import { saveFile } from "../../src/io/node.ts";
import { cli, housesCsv, lastJson, mistakeOf } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-tasks-"));
const file = (name: string): string => join(folder, name);
const load = (name: string) => loadModel("test", file(name));

/** An image with the bright row of a digit of `writeRows`. */
const rowImage = (label: number): Uint8Array => new Uint8Array(784).fill(255, label * 56, label * 56 + 28);

beforeAll(async () => {
  writeRows(file("rows"), 600, 200);
  writeFileSync(file("houses.csv"), housesCsv(200));
  writeFileSync(file("book.txt"), "The whale swims. A ship sails. ".repeat(60));
  const waves = Array.from(
    { length: 300 },
    (_, i) => `${i},${(50 + 20 * Math.sin((2 * Math.PI * i) / 12)).toFixed(3)}`,
  );
  writeFileSync(file("waves.csv"), `day,sold\n${waves.join("\n")}\n`);
  for (const [name, colour] of [
    ["red", { r: 200, g: 20, b: 20 }],
    ["blue", { r: 20, g: 20, b: 200 }],
  ] as const) {
    mkdirSync(join(file("colours"), name), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const background = { ...colour, g: colour.g + 5 * i };
      const image = sharp({ create: { width: 20, height: 24, channels: 3, background } }).png();
      writeFileSync(join(file("colours"), name, `${i}.png`), await image.toBuffer());
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Class {
  readonly class: string;
  readonly probability: number;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly actual?: string;
}

async function classesOf(line: string, ...texts: readonly string[]): Promise<readonly Class[]> {
  return lastJson(await cli(`predict --json ${line}`, ...texts))["predictions"] as readonly Class[];
}

test.for(["digits cnn", "fashion mlp"])("images of MNIST's form: %s", { timeout: 60_000 }, async (line) => {
  const [task, model] = line.split(" ") as [string, string];
  const out = file(`${task}.safetensors`);
  const settings = `--data ${file("rows")} --model ${model} --epochs 6 --batch-size 50 --out ${out}`;
  const trained = lastJson(await cli(`train ${task} --json ${settings}`));
  expect(trained["test_accuracy"]).toBeGreaterThan(0.95);
  expect(trained).toMatchObject({ task, model, epochs: 6, steps: 72 });

  const tested = lastJson(await cli(`eval --json --model ${out}`));
  expect(Object.keys(tested).join()).toBe("task,model,file,test_accuracy,test_loss,classes,confusion");
  expect(tested).toMatchObject({ test_accuracy: trained["test_accuracy"], test_loss: trained["test_loss"] });
  const counts = (tested["confusion"] as number[][]).flat();
  expect(counts.reduce((a, b) => a + b)).toBe(200);

  // The bytes of one image, an IDX file of two, and a picture: dark on light is inverted.
  writeFileSync(file("three.raw"), rowImage(3));
  const names = tested["classes"] as string[];
  const [three] = await classesOf(`--model ${out} ${file("three.raw")}`);
  expect(three?.class).toBe(names[3]);
  const recipe = await load(`${task}.safetensors`);
  const scores = noGrad(() => recipe.model.forward(tensor(rowImage(3), { shape: [1, 1, 28, 28] })).softmax(1));
  expect(Object.values(three?.probabilities ?? {})).toEqual((await scores.array(2))[0]);
  writeFileSync(file("two.idx"), idxBytes([2, 28, 28], Uint8Array.of(...rowImage(3), ...rowImage(7))));
  const two = await classesOf(`--model ${out} ${file("two.idx")}`);
  expect(two.map((one) => one.class)).toEqual([names[3], names[7]]);
  const dark = rowImage(7).map((x) => 255 - x);
  const png = await sharp(dark, { raw: { width: 28, height: 28, channels: 1 } })
    .png()
    .toBuffer();
  // As many bytes as pixels: what follows the end of a picture is not read.
  expect(png.length).toBeLessThan(784);
  writeFileSync(file("seven.png"), Buffer.concat([png], 784));
  expect((await classesOf(`--invert --model ${out} ${file("seven.png")}`))[0]?.class).toBe(names[7]);
  expect(await cli(`predict --model ${out} ${file("three.raw")}`)).toMatch(
    /^row {2}predicted +probability {2}others\n1 /,
  );
});

test("a folder of images of one's own", { timeout: 60_000 }, async () => {
  const config = {
    data: { images: "colours", size: 16 },
    model: { hidden: 8 },
    train: { epochs: 8, batchSize: 4 },
    out: "colours.safetensors",
  };
  writeFileSync(file("colours.json"), JSON.stringify(config));
  const printed = await cli(`train --json --config ${file("colours.json")}`);
  expect(printed).toContain("20 examples to train, 4 to test");
  expect(printed).toContain("val/accuracy");
  const trained = lastJson(printed);
  expect(trained).toMatchObject({ task: "colours", model: "cnn", test_accuracy: 1 });
  const out = file("colours.safetensors");
  expect((await load("colours.safetensors")).spec.fitted).toMatchObject({
    classes: ["blue", "red"],
    shape: [3, 16, 16],
  });
  expect(lastJson(await cli(`eval --json --model ${out}`))["test_loss"]).toBe(trained["test_loss"]);
  const all = lastJson(await cli(`eval --json --model ${out} --data ${file("colours")}`));
  expect(all["confusion"]).toEqual([
    [12, 0],
    [0, 12],
  ]);
  const [red] = await classesOf(`--model ${out} ${join(file("colours"), "red", "3.png")}`);
  expect(red?.class).toBe("red");
});

test.for(["mlp", "linear"])("regression of a table: %s", { timeout: 60_000 }, async (model) => {
  const out = file(`price-${model}.safetensors`);
  const settings = `--data ${file("houses.csv")} --target price --model ${model} --epochs 40 --out ${out}`;
  const trained = lastJson(await cli(`train regression --json ${settings}`));
  expect(Object.keys(trained).slice(0, 4).join()).toBe("task,test_r2,test_rmse,test_mae");
  expect(trained["test_r2"]).toBeGreaterThan(0.97);
  const tested = lastJson(await cli(`eval --json --model ${out}`));
  for (const name of ["test_r2", "test_rmse", "test_mae", "test_loss"]) expect(tested[name]).toBe(trained[name]);

  const csv = "town,rooms,area,size\nUlm,3,80,small\nBonn,1,120,large\nJena,2,,small\n";
  writeFileSync(file("new.csv"), csv);
  const { predictions } = lastJson(await cli(`predict --json --model ${out} ${file("new.csv")}`));
  const recipe = await load(`price-${model}.safetensors`);
  const { encoding } = recipe.spec.fitted as { encoding: TableEncoding };
  const encoder = TableEncoder.fromJSON(encoding);
  const values = encoder.decodeTarget(await recipe.model.forward(encoder.inputs(parseCsv(csv))).data());
  expect(predictions).toEqual(values.map((value) => ({ value })));
  expect(Math.abs((values[0] as number) - 350)).toBeLessThan(40);
  // With the target in the file both are shown.
  expect(await cli(`predict --model ${out} ${file("houses.csv")}`)).toMatch(
    /^row {2}predicted {2}actual\n1 +[\d.]+ +\d/,
  );
});

test("classification of a table with holes", { timeout: 60_000 }, async () => {
  writeFileSync(file("holes.csv"), `${housesCsv(120)},50,Ulm,,small\n3,60,Bonn,200,\n`);
  const out = file("size.safetensors");
  const line = `train table --json --data ${file("holes.csv")} --target size --epochs 15 --out ${out}`;
  const printed = await cli(line);
  expect(printed).toMatch(/^1 row has no target: left out\n1 row has empty fields: filled in\n/);
  const trained = lastJson(printed);
  expect(trained["test_accuracy"]).toBeGreaterThan(0.9);
  expect(lastJson(await cli(`eval --json --model ${out}`))["test_loss"]).toBe(trained["test_loss"]);
  const [first] = await classesOf(`--model ${out} ${file("houses.csv")}`);
  expect(first).toMatchObject({ class: "small", actual: "small" });
  expect(Object.keys(first?.probabilities ?? {})).toEqual(["large", "small"]);
  expect(await cli(`eval --model ${out}`)).toMatch(/^test accuracy [\d.]+%, loss [\d.]+\n\nrows: true class/);
});

test.for(["gpt char", "lstm bpe"])("text: %s", { timeout: 60_000 }, async (line) => {
  const [model, tokenizer] = line.split(" ") as [string, "char" | "bpe"];
  const config = {
    data: { text: "book.txt", tokenizer, ...(tokenizer === "bpe" ? { vocabSize: 270 } : {}) },
    model: { name: model, context: 16, width: 32, layers: 1 },
    train: { epochs: 8, batchSize: 8, lr: 0.01 },
    out: `${model}.safetensors`,
  };
  writeFileSync(file("text.json"), JSON.stringify(config));
  const trained = lastJson(await cli(`train --json --config ${file("text.json")}`));
  expect(trained["test_perplexity"]).toBeLessThan(3);
  expect(Math.log(trained["test_perplexity"] as number)).toBeCloseTo(trained["test_loss"] as number, 5);
  const out = file(`${model}.safetensors`);
  expect(lastJson(await cli(`eval --json --model ${out}`))["test_loss"]).toBe(trained["test_loss"]);

  const written = lastJson(
    await cli(`predict --json --model ${out} --prompt {} --length 25 --temperature 0`, "A ship"),
  );
  expect(written).toMatchObject({ prompt: "A ship", input: null });
  expect(written["text"]).toMatch(/^A ship sails. The w/);
  writeFileSync(file("begin.txt"), "The whale");
  const line2 = `predict --json --model ${out} ${file("begin.txt")} --length 5`;
  const again = lastJson(await cli(`${line2} --seed 3`));
  expect(lastJson(await cli(`${line2} --seed 3`))).toEqual(again);
  expect(again["text"]).toMatch(/^The whale/);
  if (tokenizer === "bpe") return;

  // The likeliest next letter is the model's.
  const recipe = await load(`${model}.safetensors`);
  const letters = CharTokenizer.fromJSON((recipe.spec.fitted as { tokenizer: CharTokenizerJson }).tokenizer);
  const x = tensor(letters.encode("A ship"), { shape: [1, 6] });
  const next = await noGrad(() => recipe.model.forward(x).at(0, -1).argmax()).item();
  const one = lastJson(await cli(`predict --json --model ${out} --prompt {} --length 1 --temperature 0`, "A ship"));
  expect(one["text"]).toBe(`A ship${letters.decode([next])}`);
});

test.for(["lstm", "gru", "mlp"])("series: %s", { timeout: 60_000 }, async (name) => {
  const sizes = name === "mlp" ? { hidden: [16] } : { width: 12 };
  const config = {
    data: { series: "waves.csv", column: "sold", periods: [12] },
    model: { name, window: 6, ...sizes },
    train: { epochs: 15, batchSize: 32, lr: 0.02, validation: 0.1 },
    out: `${name}-waves.safetensors`,
  };
  writeFileSync(file("waves.json"), JSON.stringify(config));
  const trained = lastJson(await cli(`train --json --config ${file("waves.json")}`));
  expect(trained["test_mae"]).toBeLessThan(3);
  const out = file(`${name}-waves.safetensors`);
  const tested = lastJson(await cli(`eval --json --model ${out}`));
  expect([tested["test_mae"], tested["test_rmse"]]).toEqual([trained["test_mae"], trained["test_rmse"]]);

  const { predictions } = lastJson(await cli(`predict --json --steps 3 --model ${out} ${file("waves.csv")}`));
  const values = predictions as readonly { step: number; value: number }[];
  expect(values.map(({ step }) => step)).toEqual([1, 2, 3]);
  // Row 300 is at the start of a season.
  const recipe = await load(`${name}-waves.safetensors`);
  const { mean, std } = recipe.spec.fitted as { mean: number; std: number };
  const sold = parseCsv(await readFile(file("waves.csv"))).numbers("sold");
  const rows = Array.from({ length: 6 }, (_, i) => {
    const angle = (2 * Math.PI * (294 + i + 1)) / 12;
    return [((sold[294 + i] as number) - mean) / std, Math.sin(angle), Math.cos(angle)];
  });
  const expected = (await noGrad(() => recipe.model.forward(tensor([rows]))).item()) * std + mean;
  expect(values[0]?.value).toBeCloseTo(expected, 4);
  expect(Math.abs((values[0]?.value ?? 0) - 50)).toBeLessThan(8);
  // Without a file its own data goes on.
  expect(lastJson(await cli(`predict --json --steps 3 --model ${out}`))["predictions"]).toEqual(predictions);
});

test.for(["regression", "table", "series --model mlp"])("the named task %s", { timeout: 60_000 }, async (line) => {
  const out = file("named.safetensors");
  const trained = lastJson(await cli(`train ${line} --json --epochs 2 --out ${out}`));
  const tested = lastJson(await cli(`eval --json --model ${out}`));
  expect(tested["test_loss"]).toBe(trained["test_loss"]);
  expect(await cli(`summary ${out}`)).toMatch(/^\w+, mlp\n\nlayer +output/);
});

test("a summary of a task", async () => {
  const printed = lastJson(await cli("summary table --json --model linear"));
  expect(printed).toMatchObject({ task: "table", model: "linear", parameters: 30, trainable: 30 });
  expect(Object.keys(printed).join()).toBe("task,model,parameters,trainable,buffers,multiply_adds,layers");
});

test("a model goes with its data to another folder", { timeout: 60_000 }, async () => {
  mkdirSync(file("a"));
  writeFileSync(join(file("a"), "houses.csv"), housesCsv(60));
  const config = { data: { csv: "houses.csv", target: "price" }, train: { epochs: 1 }, out: "m.safetensors" };
  writeFileSync(join(file("a"), "c.json"), JSON.stringify(config));
  const trained = lastJson(await cli(`train --json --config ${join(file("a"), "c.json")}`));
  const text = (await readFile(join(file("a"), "m.safetensors"))).toString("latin1");
  expect(text).not.toContain(folder);
  await rename(file("a"), file("b"));
  const tested = lastJson(await cli(`eval --json --model ${join(file("b"), "m.safetensors")}`));
  expect(tested["test_loss"]).toBe(trained["test_loss"]);
});

/** Damaged descriptions: a place in it, what is put there, and what is said. */
const damages = [
  ["model.hidden", [65536, 65536, 65536], "model has other weights: its sizes make 85"],
  ["model.hidden", [31, 32], "loadStateDict: the state does not fit"],
  ["model.name", "cnn", "model is damaged"],
  ["fitted.encoding", {}, "not the JSON of a TableEncoder"],
  ["fitted.encoding.target", null, "the model file has no target"],
  ["data.set", "cats", 'data is damaged: set: expected "cars" or "penguins"'],
  ["kind", "__proto__", "has a damaged description of its model"],
  ["train.seed", -1, "has a damaged description of its model"],
] as const;

test("a damaged model file is refused", { timeout: 60_000 }, async () => {
  const out = file("sound.safetensors");
  await cli(`train table --epochs 1 --out ${out}`);
  const { spec, model } = await load("sound.safetensors");
  for (const [place, value, message] of damages) {
    const damaged = structuredClone(spec) as object as Record<string, unknown>;
    const keys = place.split(".");
    const last = keys.pop() as string;
    const part = keys.reduce((at, key) => at[key] as Record<string, unknown>, damaged);
    part[last] = value;
    const metadata = { "twopass.model": JSON.stringify(damaged) };
    await saveFile(model.stateDict(), file("damaged.safetensors"), { metadata });
    const found = await mistakeOf(`eval --model ${file("damaged.safetensors")}`);
    expect(found).toContain(`"${file("damaged.safetensors")}"`);
    expect(found).toContain(message);
  }
});
