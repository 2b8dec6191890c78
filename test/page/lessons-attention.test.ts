/** The lab of the lesson of attention: its numbers against a GPT written out in float64, and its tasks. */
import { describe, expect, test } from "vitest";
import {
  type AttentionLab,
  type AttentionLook,
  type AttentionPlace,
  TinyGpt,
  attentionLab,
} from "../../site/src/lessons/attention/lab.ts";
import { context, depth, heads, width } from "../../site/src/lessons/attention/sizes.ts";
import { attentionEn } from "../../site/src/text/lessons/attention-en.ts";
import { attentionZh } from "../../site/src/text/lessons/attention-zh.ts";
import { int32, manualSeed } from "../../src/index.ts";
import { crossEntropy } from "../../src/nn/functional.ts";
import { Adam } from "../../src/optim/index.ts";

type Row = number[];
const text = attentionEn.firstText;
const { letters, numbers } = numbersOf(text);

function numbersOf(given: string): { readonly letters: string[]; readonly numbers: number[] } {
  const letters = [...new Set(given)].sort();
  return { letters, numbers: Array.from(given, (letter) => letters.indexOf(letter)) };
}

/** The network as the lab makes it. */
function network(vocabulary: number): TinyGpt {
  manualSeed(8);
  return new TinyGpt(vocabulary);
}

function parameters(model: TinyGpt): (name: string) => { readonly data: Row; readonly rows: Row[] } {
  const all = new Map([...model.namedParameters()].map(([name, each]) => [name, each] as const));
  return (name) => {
    const found = all.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    const data = Array.from(found.dataSync(), Number);
    const columns = found.shape.at(-1) as number;
    const rows = Array.from({ length: data.length / columns }, (_, i) => data.slice(i * columns, (i + 1) * columns));
    return { data, rows };
  };
}

const dot = (a: Row, b: Row): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
const plus = (a: Row, b: Row): Row => a.map((x, i) => x + (b[i] as number));

function softmax(scores: Row): Row {
  const powers = scores.map((s) => Math.exp(s));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

interface Passed {
  readonly logits: Row[];
  readonly weights: Row[][];
  readonly projected: Row[];
  readonly scores: Row[][];
}

/** The forward pass from the vectors of the letters, written out. */
function passed(of: ReturnType<typeof parameters>, x: readonly Row[], isCausal: boolean): Passed {
  const norm = (name: string, row: Row): Row => {
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / row.length;
    const { data: gain } = of(`${name}.weight`);
    const { data: shift } = of(`${name}.bias`);
    return row.map(
      (each, i) => ((each - mean) / Math.sqrt(variance + 1e-5)) * (gain[i] as number) + (shift[i] as number),
    );
  };
  const linear = (weight: string, bias: string, row: Row): Row =>
    plus(
      of(weight).rows.map((w) => dot(w, row)),
      of(bias).data,
    );
  const projected = x.map((row) => linear("attention.in_proj_weight", "attention.in_proj_bias", norm("norm1", row)));
  const part = (row: Row, which: number, head: number): Row =>
    row.slice(which * width + head * depth, which * width + (head + 1) * depth);
  const scores = Array.from({ length: heads }, (_, head) =>
    projected.flatMap((from, i) => [
      projected.map((to, j) =>
        isCausal && j > i ? -Infinity : dot(part(from, 0, head), part(to, 1, head)) / Math.sqrt(depth),
      ),
    ]),
  );
  const weights = scores.map((rows) => rows.map(softmax));
  const logits = x.map((row, i) => {
    const taken = weights.flatMap((rows, head) =>
      Array.from({ length: depth }, (_, d) =>
        dot(
          rows[i] as Row,
          projected.map((to) => part(to, 2, head)[d] as number),
        ),
      ),
    );
    const h = plus(row, linear("attention.out_proj.weight", "attention.out_proj.bias", taken));
    const wide = linear("wide.weight", "wide.bias", norm("norm2", h)).map((z) => Math.max(0, z));
    return linear("output.weight", "output.bias", norm("norm3", plus(h, linear("narrow.weight", "narrow.bias", wide))));
  });
  return { logits, weights, projected, scores };
}

function vectorsOf(of: ReturnType<typeof parameters>, line: readonly number[]): Row[] {
  return line.map((letter, i) => plus(of("letters.weight").rows[letter] as Row, of("places.weight").rows[i] as Row));
}

function expectClose(given: ArrayLike<number>, wanted: readonly number[], by = 2e-5): void {
  expect(given.length).toBe(wanted.length);
  const finite = wanted.filter(Number.isFinite).map(Math.abs);
  const scale = Math.max(1e-2, ...finite);
  Array.from(given).forEach((x, i) => {
    const right = wanted[i] as number;
    const distance = x === right ? 0 : Math.abs(x - right);
    expect(distance).toBeLessThan(by * scale);
  });
}

function lookAt(lab: AttentionLab, place: AttentionPlace): AttentionLook {
  const look = lab.look(place);
  if (look === undefined) throw new Error("nothing is looked at");
  return look;
}

function expectLook(look: AttentionLook, model: TinyGpt, place: AttentionPlace): void {
  const of = parameters(model);
  const { at, to, head, isCausal } = place;
  const line = place.line.map((letter) => letters.indexOf(letter));
  const next = place.next.map((letter) => letters.indexOf(letter));
  const x = vectorsOf(of, line);
  const { logits, weights, projected, scores } = passed(of, x, isCausal);
  expectClose(look.vectors, [
    ...(of("letters.weight").rows[line[at] as number] as Row),
    ...(of("places.weight").rows[at] as Row),
    ...(x[at] as Row),
  ]);
  expectClose(look.query, (projected[at] as Row).slice(head * depth, (head + 1) * depth));
  expectClose(look.key, (projected[to] as Row).slice(width + head * depth, width + (head + 1) * depth));
  const own = scores[head]?.[at] as Row;
  expectClose(look.scores, own);
  expectClose(
    look.products,
    own.map((s) => s * Math.sqrt(depth)),
  );
  expectClose(
    look.powers,
    own.map((s) => Math.exp(s)),
  );
  expect(look.total).toBeCloseTo(
    own.reduce((sum, s) => sum + Math.exp(s), 0),
    3,
  );
  expectClose(look.weights, weights.flat(2));
  const values = projected.map((row) => row.slice(2 * width + head * depth, 2 * width + (head + 1) * depth));
  expectClose(
    look.taken,
    Array.from({ length: depth }, (_, d) =>
      dot(
        weights[head]?.[at] as Row,
        values.map((v) => v[d] as number),
      ),
    ),
  );
  const chances = softmax(logits[at] as Row);
  expectClose(look.chances, chances);
  expect(look.loss).toBeCloseTo(-Math.log(chances[next[at] as number] as number), 4);

  const lossWith = (letter: number, k: number, by: number): number => {
    const moved = x.map((row, i) => (i === letter ? row.with(k, (row[k] as number) + by) : row));
    return -Math.log(softmax(passed(of, moved, isCausal).logits[at] as Row)[next[at] as number] as number);
  };
  const largest = Math.max(...look.gradients.map(Math.abs));
  for (const letter of [0, to, at, line.length - 1]) {
    for (const k of [0, 13, 31]) {
      const slope = (lossWith(letter, k, 1e-4) - lossWith(letter, k, -1e-4)) / 2e-4;
      expect(Math.abs((look.gradients[letter * width + k] as number) - slope)).toBeLessThan(1e-3 * largest + 1e-7);
    }
  }
  line.forEach((_, i) => {
    const row = Array.from(look.gradients.subarray(i * width, (i + 1) * width));
    expect(look.lengths[i]).toBeCloseTo(Math.sqrt(dot(row, row)), 5);
    expect(row.every((g) => g === 0)).toBe(isCausal && i > at);
  });
}

describe("the lesson of attention", () => {
  const signs = Array.from(text);
  const place: AttentionPlace = {
    line: signs.slice(0, context),
    next: signs.slice(1, context + 1),
    at: 10,
    to: 4,
    head: 1,
    isCausal: true,
  };

  test("all that is shown has the numbers of the network written out", () => {
    const lab = attentionLab();
    expect(lab.start(text)).toEqual({ step: 0, losses: [], isFinite: true });
    const model = network(letters.length);
    for (const each of [place, { ...place, at: 0, to: 0, head: 0 }, { ...place, at: 21, isCausal: false }]) {
      const look = lookAt(lab, each);
      expectLook(look, model, each);
      expect(look.firstWeights).toEqual(look.weights);
    }
  });

  test("training is that of twopass used apart, and what is looked at then too", () => {
    const lab = attentionLab();
    lab.start(text);
    const model = network(letters.length);
    const optimizer = new Adam(model.parameters(), { lr: 0.01 });
    let state = 1;
    const chance = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const losses: number[] = [];
    for (let step = 1; step <= 30; step++) {
      const starts = Array.from({ length: 8 }, () => Math.floor(chance() * (numbers.length - context)));
      const rows = (by: number) => int32(starts.map((start) => numbers.slice(start + by, start + by + context)));
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(rows(0)).flatten(0, 1), rows(1).flatten());
      loss.backward();
      optimizer.step();
      losses.push(loss.itemSync());
    }
    const given = Array.from({ length: 30 }, () => lab.train(1, 0.01));
    expect(given.map(({ step }) => step)).toEqual(losses.map((_, i) => i + 1));
    given.forEach((each, i) => expect(each.losses[0]).toBeCloseTo(losses[i] as number, 3));
    const look = lookAt(lab, place);
    // Rounding parts the two slowly.
    const of = parameters(model);
    const { weights } = passed(of, vectorsOf(of, numbers.slice(0, context)), true);
    expectClose(look.weights, weights.flat(2), 5e-3);
    expect(look.firstWeights).not.toEqual(look.weights);
    const fresh = attentionLab();
    fresh.start(text);
    expect(look.firstWeights).toEqual(lookAt(fresh, place).weights);
  });

  describe.each([
    ["English", attentionEn.firstText],
    ["Chinese", attentionZh.firstText],
  ])("the %s text", (_, given) => {
    const own = Array.from(given);
    const trained = () => {
      const lab = attentionLab();
      lab.start(given);
      let [step, loss] = [0, Infinity];
      while (loss >= 0.2 && step < 3000) {
        const progress = lab.train(2, 0.003);
        step = progress.step;
        loss = progress.losses.at(-1) as number;
      }
      expect(loss).toBeLessThan(0.2);
      for (let i = 0; i < 100; i++) lab.train(2, 0.003);
      return lab;
    };

    test("is learnt, goes on as it stands there, and teaches earlier letters", () => {
      const lab = trained();
      const line = own.slice(0, 12);
      while (line.length < 24) line.push(lab.write(line, 0) ?? "");
      expect(line).toEqual(own.slice(0, 24));
      const first = { ...place, line: own.slice(0, context), next: own.slice(1, context + 1) };
      const others = first.line.filter((__, at) => {
        const lengths = Array.from(lookAt(lab, { ...first, at }).lengths);
        return Math.max(...lengths.slice(0, at)) >= (lengths[at] as number) / 2;
      });
      expect(others.length).toBeGreaterThan(3);
    });

    test("has a letter twice among those that are seen first", () => {
      const seen = own.slice(0, context);
      expect(new Set(seen).size).toBeLessThan(seen.length);
    });
  });

  test("letters are drawn as often as their probabilities say, which the temperature bends", () => {
    const lab = attentionLab();
    lab.start(text);
    for (let i = 0; i < 10; i++) lab.train(1, 0.003);
    const line = place.line.slice(0, 5);
    const at = { ...place, line: place.line.slice(0, 5), next: place.next.slice(0, 5), at: 4, to: 0 };
    const plain = Array.from(lookAt(lab, at).chances);
    for (const temperature of [0.5, 1, 2]) {
      const { letters: named, shares } = lab.chances(line, temperature) ?? { letters: [], shares: [] };
      expect(named).toEqual(letters);
      const bent = plain.map((p) => p ** (1 / temperature));
      const total = bent.reduce((a, b) => a + b, 0);
      expectClose(
        shares,
        bent.map((p) => p / total),
        1e-4,
      );
    }
    const counts = new Array<number>(letters.length).fill(0);
    for (let i = 0; i < 400; i++) {
      const letter = letters.indexOf(lab.write(line, 1) ?? "");
      counts[letter] = (counts[letter] as number) + 1;
    }
    counts.forEach((count, i) => expect(Math.abs(count / 400 - (plain[i] as number))).toBeLessThan(0.09));
    const best = plain.indexOf(Math.max(...plain));
    expect(lab.write(line, 0)).toBe(letters[best]);
  });

  test.each([
    ["two letters", "aba"],
    ["signs of two code units and a line end", "🐱 and\n🐶 and 🐱"],
    ["a text shorter than what is seen at once", "to be or not"],
  ])("%s", (_, given) => {
    const own = Array.from(given);
    const lab = attentionLab();
    lab.start(given);
    const { losses, isFinite } = lab.train(5, 0.01);
    expect(isFinite && losses.every(Number.isFinite)).toBe(true);
    const line = own.slice(0, -1);
    const look = lookAt(lab, { line, next: own.slice(1), at: line.length - 1, to: 0, head: 0, isCausal: true });
    expect(look.chances.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    expect(look.weights).toHaveLength(heads * line.length ** 2);
  });

  test("more letters than are seen at once: the last ones count", () => {
    const lab = attentionLab();
    lab.start(text);
    expect(lab.chances(signs.slice(0, 60), 1)).toEqual(lab.chances(signs.slice(60 - context, 60), 1));
  });

  test("letters of another text, or none, are no line", () => {
    const lab = attentionLab();
    lab.start(text);
    for (const line of [[], ["t", "猫"]]) {
      expect(lab.look({ ...place, line, next: line, at: 0, to: 0 })).toBeUndefined();
      expect(lab.chances(line, 1)).toBeUndefined();
      expect(lab.write(line, 0)).toBeUndefined();
    }
  });

  test("a rate that is far too large is told, and ends with the next start", () => {
    const lab = attentionLab();
    lab.start(text);
    let progress = lab.train(1, 1e38);
    for (let i = 0; i < 20 && progress.isFinite; i++) progress = lab.train(1, 1e38);
    expect(progress.isFinite).toBe(false);
    expect(lab.start(text).isFinite).toBe(true);
    expect(lab.train(1, 0.003).isFinite).toBe(true);
  });
});
