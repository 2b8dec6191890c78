import { expect, test } from "vitest";
import { choice, describeOptions, flag, path, positive, readArguments, whole, word } from "../../src/cli/options.ts";

const specs = {
  epochs: whole("times over the data", 3, 1),
  lr: positive("learning rate", undefined),
  model: choice("which", ["mlp", "cnn"], "cnn"),
  out: path("where", "FILE", "a.bin"),
  prompt: word("begins", "TEXT", undefined),
  decay: positive("shrinks", 0, true),
  json: flag("as JSON"),
};
const read = (...args: string[]) => readArguments("tool", specs, args).values;

test("defaults, and values in both forms", () => {
  const initial = { epochs: 3, lr: undefined, model: "cnn", out: "a.bin", prompt: undefined, decay: 0, json: false };
  expect(read()).toEqual(initial);
  expect(read("--epochs", "5", "--lr=1e-3", "--model", "mlp", "--out=--x", "--json", "--prompt", "a b")).toEqual({
    ...initial,
    epochs: 5,
    lr: 0.001,
    model: "mlp",
    out: "--x",
    prompt: "a b",
    json: true,
  });
  expect(read("--decay", "0").decay).toBe(0);
  expect(read("--epochs", "5", "--epochs", "6").epochs).toBe(6);
});

test("words that are no options, and which options are there", () => {
  const { words, given } = readArguments("tool", specs, ["a", "--epochs", "5", "b"], 2);
  expect([words, [...given]]).toEqual([["a", "b"], ["epochs"]]);
  expect(() => readArguments("tool", specs, ["a", "b"], 1)).toThrow('tool: unexpected argument "b"');
});

test.for([
  [["--epoch", "5"], "tool: unknown option --epoch (did you mean --epochs?)"],
  [["--constructor"], "tool: unknown option --constructor (--help lists what there is)"],
  [["-j"], "tool: unknown option -j (--help lists what there is)"],
  [["5"], 'tool: unexpected argument "5" (--help lists what there is)'],
  [["--json", "5"], 'tool: unexpected argument "5" (--help lists what there is)'],
  [["--json=5"], "tool: --json takes no value (write --json alone)"],
  [["--epochs"], "tool: --epochs needs a value (it takes a whole number from 1)"],
  [["--epochs", "--json"], "tool: --epochs needs a value (it takes a whole number from 1)"],
  [["--epochs", "0"], 'tool: --epochs cannot be "0" (it takes a whole number from 1)'],
  [["--epochs", "-3"], 'tool: --epochs cannot be "-3" (it takes a whole number from 1)'],
  [["--epochs", "2.5"], 'tool: --epochs cannot be "2.5" (it takes a whole number from 1)'],
  [["--epochs="], 'tool: --epochs cannot be "" (it takes a whole number from 1)'],
  [["--epochs", "99999999999999999"], 'tool: --epochs cannot be "99999999999999999" (it takes a whole number from 1)'],
  [["--lr", "fast"], 'tool: --lr cannot be "fast" (it takes a number above 0)'],
  [["--lr", "0"], 'tool: --lr cannot be "0" (it takes a number above 0)'],
  [["--lr", "Infinity"], 'tool: --lr cannot be "Infinity" (it takes a number above 0)'],
  [["--model", "gru"], 'tool: --model cannot be "gru" (it takes mlp or cnn)'],
  [["--model", "cn"], 'tool: --model cannot be "cn" (did you mean "cnn"? it takes mlp or cnn)'],
  [["--decay=-1"], 'tool: --decay cannot be "-1" (it takes a number from 0)'],
  [["--prompt", ""], 'tool: --prompt cannot be "" (it takes a text)'],
  [["--out", ""], 'tool: --out cannot be "" (it takes a path)'],
] as const)("%j", ([args, message]) => {
  expect(() => read(...args)).toThrow(message);
});

test("help", () => {
  expect(describeOptions(specs).split("\n")).toEqual([
    "  --epochs N       times over the data",
    "  --lr X           learning rate",
    "  --model mlp|cnn  which",
    "  --out FILE       where",
    "  --prompt TEXT    begins",
    "  --decay X        shrinks",
    "  --json           as JSON",
  ]);
});
