/** Metrics against definitions written out in float64, and against the examples of scikit-learn's documentation. */
import { describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/random-stream.ts";
import { load, save } from "../../src/io/index.ts";
import { Linear } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { int32, tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { memory } from "../../src/tensor/memory.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  Accuracy,
  ConfusionMatrix,
  F1,
  Mean,
  MeanAbsoluteError,
  type MetricState,
  Perplexity,
  Precision,
  R2Score,
  Recall,
  RootMeanSquaredError,
  TopKAccuracy,
  metricByName,
  metricNames,
} from "../../src/train/index.ts";
import { onEachDevice } from "../devices.ts";

/** Scores whose highest is at the given class. */
function scoresOf(decisions: readonly number[], classes: number): Tensor {
  return tensor(decisions.map((d) => Array.from({ length: classes }, (_, i) => (i === d ? 2 : 0.25 * i - 1))));
}

interface Samples {
  readonly classes: number;
  readonly scores: number[][];
  readonly labels: number[];
}

/** Random scores and labels, about half of them right; class 3 of 5 never occurs. */
function samples(n: number, seed = 7): Samples {
  const random = new RandomStream(seed, "metrics");
  const numbers = new Float32Array(n * 7);
  random.fillUniform(numbers, 0, 1);
  const at = (i: number): number => numbers[i] as number;
  const labels = Array.from({ length: n }, (_, i) => [0, 1, 2, 4][Math.floor(at(i * 7) * 4)] as number);
  const scores = labels.map((label, i) =>
    Array.from({ length: 5 }, (_, c) => Math.fround(at(i * 7 + 2 + c) + (c === label ? 0.4 : 0) - (c === 3 ? 2 : 0))),
  );
  return { classes: 5, scores, labels };
}

/** Batches of 32, the last one smaller. */
function* batches({ scores, labels }: Samples, size = 32): Generator<[Tensor, Tensor]> {
  for (let i = 0; i < labels.length; i += size) {
    yield [tensor(scores.slice(i, i + size)), int32(labels.slice(i, i + size))];
  }
}

function decide(row: readonly number[]): number {
  return row.indexOf(Math.max(...row));
}

interface ClassCounts {
  hits: number;
  decided: number;
  actual: number;
}

function countsOf({ classes, scores, labels }: Samples, ignore?: number): ClassCounts[] {
  const counts = Array.from({ length: classes }, () => ({ hits: 0, decided: 0, actual: 0 }));
  labels.forEach((label, i) => {
    if (label === ignore) return;
    const d = decide(scores[i] as number[]);
    (counts[d] as ClassCounts).decided++;
    (counts[label] as ClassCounts).actual++;
    if (d === label) (counts[label] as ClassCounts).hits++;
  });
  return counts;
}

const zeroed = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const scoreOf = {
  precision: (c: ClassCounts): number => zeroed(c.hits, c.decided),
  recall: (c: ClassCounts): number => zeroed(c.hits, c.actual),
  f1: (c: ClassCounts): number => {
    const [p, r] = [zeroed(c.hits, c.decided), zeroed(c.hits, c.actual)];
    return zeroed(2 * p * r, p + r);
  },
};
const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe("against definitions", () => {
  onEachDevice(() => {
    const all = samples(203);

    test("accuracy, and among the k highest", async () => {
      const metrics = [new Accuracy(), new TopKAccuracy(1), new TopKAccuracy(2), new TopKAccuracy(5)];
      for (const [x, y] of batches(all)) for (const metric of metrics) metric.update(x, y);
      const among = (k: number): number =>
        total(
          all.scores.map((row, i) => {
            const own = row[all.labels[i] as number] as number;
            return row.filter((score) => score > own).length < k ? 1 : 0;
          }),
        ) / all.labels.length;
      for (const [i, k] of [1, 1, 2, 5].entries()) expect(await metrics[i]?.compute()).toBe(among(k));
    });

    test.each(["precision", "recall", "f1"] as const)("%s with every average", async (name) => {
      const make = { precision: Precision, recall: Recall, f1: F1 }[name];
      const [macro, micro] = [new make(), new make({ average: "micro" })];
      const [weighted, none] = [new make({ average: "weighted" }), new make({ average: "none" })];
      for (const [x, y] of batches(all)) for (const metric of [macro, micro, weighted, none]) metric.update(x, y);
      const counts = countsOf(all);
      const scores = counts.map(scoreOf[name]);
      const present = counts.flatMap((c, i) => (c.actual + c.decided > 0 ? [scores[i] as number] : []));
      expect(present).toHaveLength(4);
      expect(await macro.compute()).toBeCloseTo(total(present) / 4, 12);
      expect(await none.compute()).toEqual(scores.map((score) => expect.closeTo(score, 12) as number));
      const share = total(counts.map((c) => c.hits)) / all.labels.length;
      expect(await micro.compute()).toBeCloseTo(share, 12);
      const support = total(counts.map((c, i) => c.actual * (scores[i] as number))) / all.labels.length;
      expect(await weighted.compute()).toBeCloseTo(support, 12);
    });

    test("labels that are ignored count nowhere", async () => {
      const ignored = { ...all, labels: all.labels.map((label, i) => (i % 5 === 0 ? -1 : label)) };
      const options = { ignoreIndex: -1 };
      const [accuracy, top] = [new Accuracy(options), new TopKAccuracy(2, options)];
      const f1 = new F1({ ...options, average: "none" });
      const matrix = new ConfusionMatrix(5, options);
      const perplexity = new Perplexity(options);
      for (const [x, y] of batches(ignored))
        for (const metric of [accuracy, top, f1, matrix, perplexity]) metric.update(x, y);
      const kept = all.labels.flatMap((_, i) => (i % 5 === 0 ? [] : [i]));
      const rest = {
        classes: 5,
        scores: kept.map((i) => all.scores[i] as number[]),
        labels: kept.map((i) => all.labels[i] as number),
      };
      const counts = countsOf(rest);
      expect(await accuracy.compute()).toBe(total(counts.map((c) => c.hits)) / kept.length);
      expect(await f1.compute()).toEqual(counts.map((c) => expect.closeTo(scoreOf.f1(c), 12) as number));
      const table = await matrix.compute();
      expect(total(table.flat())).toBe(kept.length);
      expect(table.map((row) => total(row))).toEqual(counts.map((c) => c.actual));
      expect(table.map((_, i) => total(table.map((row) => row[i] as number)))).toEqual(counts.map((c) => c.decided));
      expect(table.map((row, i) => row[i])).toEqual(counts.map((c) => c.hits));
      const losses = rest.scores.map(
        (row, i) => Math.log(total(row.map(Math.exp))) - (row[rest.labels[i] as number] as number),
      );
      expect(await perplexity.compute()).toBeCloseTo(Math.exp(total(losses) / kept.length), 5);
      expect(await top.compute()).toBeGreaterThan(await accuracy.compute());
    });

    test("dims behind the classes, as of images and sentences", async () => {
      const x = tensor([
        [
          [1, 5, 2],
          [3, 4, 9],
        ],
        [
          [0, 1, 7],
          [2, 0, 6],
        ],
      ]);
      const y = int32([
        [1, 0, 1],
        [1, 1, 0],
      ]);
      const [accuracy, top, f1, perplexity] = [
        new Accuracy(),
        new TopKAccuracy(1),
        new F1({ average: "none" }),
        new Perplexity(),
      ];
      for (const metric of [accuracy, top, f1, perplexity]) metric.update(x, y);
      expect(await accuracy.compute()).toBeCloseTo(5 / 6, 12);
      expect(await top.compute()).toBeCloseTo(5 / 6, 12);
      expect(await f1.compute()).toEqual([0.8, expect.closeTo(6 / 7, 12)]);
      const loss = [-2, -1, -7, -2, 1, -1].map((d) => Math.log1p(Math.exp(d)));
      expect(await perplexity.compute()).toBeCloseTo(Math.exp(total(loss) / 6), 5);
    });

    test("errors of numbers, and R² of several outputs with large means", async () => {
      const random = new RandomStream(3, "numbers");
      const n = 101;
      const noise = new Float64Array(n * 4);
      random.fillNormal(noise, 0, 1);
      // Seconds since 1970: their squares have more digits than float64.
      const y = Array.from({ length: n }, (_, i) => [1.7e9 + (noise[i * 4] as number), noise[i * 4 + 1] as number]);
      const x = y.map((row, i) => row.map((value, j) => value + 0.3 * (noise[i * 4 + 2 + j] as number)));
      const metrics = [new MeanAbsoluteError(), new RootMeanSquaredError(), new R2Score()];
      const part = (rows: readonly number[][], i: number): Tensor =>
        tensor(rows.slice(i, i + 16), { dtype: "float64" });
      for (let i = 0; i < n; i += 16) for (const metric of metrics) metric.update(part(x, i), part(y, i));
      const errors = x.flatMap((row, i) => row.map((value, j) => value - (y[i]?.[j] as number)));
      expect(await metrics[0]?.compute()).toBeCloseTo(total(errors.map(Math.abs)) / (2 * n), 12);
      expect(await metrics[1]?.compute()).toBeCloseTo(Math.sqrt(total(errors.map((e) => e * e)) / (2 * n)), 12);
      const r2 = [0, 1].map((j) => {
        const shifted = y.map((row) => (row[j] as number) - (j === 0 ? 1.7e9 : 0));
        const mean = total(shifted) / n;
        const spread = total(shifted.map((value) => (value - mean) ** 2));
        return 1 - total(errors.map((e, i) => (i % 2 === j ? e * e : 0))) / spread;
      });
      expect(await metrics[2]?.compute()).toBeCloseTo(total(r2) / 2, 7);
    });

    test("binary outputs: yes above the threshold, and averages over both classes", async () => {
      const [scores, labels] = [
        [-2, 0.5, 3, -0.1, 0.2, 4],
        [0, 1, 1, 1, 0, 1],
      ];
      const metrics = [new Accuracy(), new Precision(), new Recall(), new F1(), new F1({ average: "macro" })];
      const column = (from: number, to: number): Tensor => tensor(scores.slice(from, to).map((x) => [x]));
      for (const metric of metrics) {
        metric.update(column(0, 2), tensor(labels.slice(0, 2).map((y) => [y])));
        metric.update(column(2, 5), int32(labels.slice(2, 5)));
        metric.update(tensor(scores.slice(5)), tensor([true]));
      }
      const [yes, no] = [(2 * 3) / (4 + 4), 2 / (2 + 2)];
      expect(await Promise.all(metrics.map((metric) => metric.compute()))).toEqual([
        4 / 6,
        3 / 4,
        3 / 4,
        yes,
        (yes + no) / 2,
      ]);
      const sure = new Accuracy({ threshold: 3.5 });
      sure.update(tensor([scores, scores]), tensor([labels, labels]));
      expect(await sure.compute()).toBe(0.5);
    });

    test("the mean of a loss counts batches by their size", async () => {
      const [added, measured] = [new Mean(), new Mean((x, y) => x.sub(y).square().mean(), { name: "mse" })];
      const [x, y] = [tensor([[1], [2], [5]]), tensor([[0], [4], [1]])];
      added.add(x.sub(y).square().at("0:2").mean(), 2);
      added.add(x.sub(y).square().at("2:3").mean(), 1);
      measured.update(x.at("0:2"), y.at("0:2"));
      measured.update(x.at("2:3"), y.at("2:3"));
      expect([await added.compute(), await measured.compute(), measured.name]).toEqual([7, 7, "mse"]);
    });
  });
});

describe("the examples of scikit-learn", () => {
  test("precision, recall and F1 of three classes", async () => {
    const [x, y] = [scoresOf([0, 2, 1, 0, 0, 1], 3), int32([0, 1, 2, 0, 1, 2])];
    const values = async (average: "macro" | "micro" | "weighted" | "none"): Promise<(number | number[])[]> =>
      Promise.all(
        [Precision, Recall, F1].map(async (make) => {
          const metric = new make({ average });
          metric.update(x, y);
          return metric.compute();
        }),
      );
    const close = (x: number): number => expect.closeTo(x, 12) as number;
    expect(await values("macro")).toEqual([close(2 / 9), close(1 / 3), close(4 / 15)]);
    expect(await values("micro")).toEqual([close(1 / 3), close(1 / 3), close(1 / 3)]);
    expect(await values("weighted")).toEqual([close(2 / 9), close(1 / 3), close(4 / 15)]);
    expect(await values("none")).toEqual([
      [close(2 / 3), 0, 0],
      [1, 0, 0],
      [close(0.8), 0, 0],
    ]);
  });

  test("the confusion matrix, and its table", async () => {
    const matrix = new ConfusionMatrix(3, { labels: ["ant", "bird", "cat"] });
    matrix.update(scoresOf([0, 0, 2, 2, 0, 2], 3), int32([2, 0, 2, 2, 0, 1]));
    expect(String(matrix)).toBe("ConfusionMatrix(3, not computed yet)");
    expect(await matrix.compute()).toEqual([
      [2, 0, 0],
      [0, 0, 1],
      [1, 0, 2],
    ]);
    expect(String(matrix).split("\n")).toEqual([
      "label \\ decision  ant  bird  cat",
      "             ant    2     0    0",
      "            bird    0     0    1",
      "             cat    1     0    2",
    ]);
  });

  test("the two highest", async () => {
    const top = new TopKAccuracy(2);
    top.update(
      tensor([
        [0.5, 0.2, 0.2],
        [0.3, 0.4, 0.2],
        [0.2, 0.4, 0.3],
        [0.7, 0.2, 0.1],
      ]),
      int32([0, 1, 2, 2]),
    );
    expect(await top.compute()).toBe(0.75);
  });

  test("errors of numbers", async () => {
    const values = async (y: number[] | number[][], x: number[] | number[][]): Promise<number[]> =>
      Promise.all(
        ["mae", "rmse", "r2"].map(async (name) => {
          const metric = metricByName(name);
          metric.update(tensor(x), tensor(y));
          return metric.compute();
        }),
      );
    expect(await values([3, -0.5, 2, 7], [2.5, 0, 2, 8])).toEqual([
      0.5,
      expect.closeTo(0.6123724, 6),
      expect.closeTo(0.9486081, 6),
    ]);
    expect(
      await values(
        [
          [0.5, 1],
          [-1, 1],
          [7, -6],
        ],
        [
          [0, 2],
          [-1, 2],
          [8, -5],
        ],
      ),
    ).toEqual([0.75, expect.closeTo(Math.sqrt(4.25 / 6), 12), expect.closeTo(0.9368005, 6)]);
    // A target that never changes.
    expect((await values([1, 1], [1, 1]))[2]).toBe(1);
    expect((await values([1, 1], [1, 2]))[2]).toBe(0);
    expect((await values([1], [2]))[2]).toBeNaN();
  });
});

describe("behaviour", () => {
  const [x, y] = [
    tensor([
      [1, 2, 0],
      [3, 0, 1],
    ]),
    int32([1, 2]),
  ];

  test("nothing is read before compute, and 10,000 updates hold no more than one", async () => {
    const metrics = [new Accuracy(), new ConfusionMatrix(3)];
    const update = (): void => metrics.forEach((metric) => metric.update(x, y));
    for (let i = 0; i < 100; i++) update();
    const engine = currentEngine();
    engine.run([]);
    const { plans } = engine.stats;
    const before = memory()["wasm"];
    for (let i = 0; i < 10_000; i++) update();
    engine.run([]);
    const after = memory()["wasm"];
    // A metric makes a run of its own when 16 batches wait; the last of them may be fewer.
    expect(engine.stats.plans - plans).toBeLessThanOrEqual(1);
    // Cells of other tests may be collected meanwhile.
    expect(after?.cells).toBeLessThanOrEqual(before?.cells ?? 0);
    expect((after?.arena ?? 0) - (before?.arena ?? 0)).toBeLessThan(100_000);
    expect(await metrics[0]?.compute()).toBe(0.5);
    expect(await metrics[1]?.compute()).toEqual([
      [0, 0, 0],
      [0, 10_100, 0],
      [10_100, 0, 0],
    ]);
  });

  test("in training a metric is part of the step's one run, and compiles no more after the first", async () => {
    const model = new Linear(3, 3);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const accuracy = new Accuracy();
    const mean = new Mean();
    const step = (): void => {
      const scores = model.forward(x);
      const loss = scores.square().mean();
      accuracy.update(scores, y);
      mean.add(loss, 2);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    };
    step();
    const { runs, plans } = currentEngine().stats;
    for (let i = 0; i < 20; i++) step();
    expect(currentEngine().stats.runs - runs).toBe(20);
    expect(currentEngine().stats.plans).toBe(plans);
    expect(await accuracy.compute()).toBeLessThanOrEqual(1);
    accuracy.reset();
    mean.reset();
    step();
    expect(currentEngine().stats.plans).toBe(plans);
  });

  test("a compiled step counts its batches, also after a reset", async () => {
    const makers = [
      () => new Accuracy(),
      () => new TopKAccuracy(2),
      () => new F1(),
      () => new R2Score(),
      () => new Mean((a) => a.sum()),
    ];
    for (const make of makers) {
      const [eager, compiled] = [make(), make()];
      const target =
        eager instanceof R2Score || eager instanceof Mean
          ? tensor([
              [1, 2, 0],
              [4, 0, 0],
            ])
          : y;
      const step = compile((input: Tensor) => {
        compiled.update(input, target);
        return input.sum();
      });
      for (const round of [1, 2]) {
        for (let i = 0; i < 5; i++) {
          const input = x.mul(i - round).detach();
          eager.update(input, target);
          await step(input).item();
        }
        expect(await compiled.compute()).toBe(await eager.compute());
        eager.reset();
        compiled.reset();
      }
      await expect(compiled.compute()).rejects.toThrow("no batch");
    }
  });

  test("a run that fails counts nothing", async () => {
    const accuracy = new Accuracy();
    accuracy.update(x, int32([1, 0]));
    accuracy.update(
      x.gather(
        1,
        int32([
          [0, 1, 2],
          [0, 1, 9],
        ]).add(0),
      ),
      int32([0, 0]),
    );
    await expect(accuracy.compute()).rejects.toThrow("out of range");
    await expect(accuracy.compute()).rejects.toThrow("no batch was counted");
  });

  test("a float32 sum would have lost these digits", async () => {
    const mean = new Mean();
    mean.add(tensor(1), 2 ** 25);
    for (let i = 0; i < 100; i++) mean.add(tensor(2), 1);
    expect(await mean.compute()).toBe((2 ** 25 + 200) / (2 ** 25 + 100));
  });

  test("reset forgets, and then another number of classes is welcome", async () => {
    const accuracy = new Accuracy();
    accuracy.update(x, int32([0, 1]));
    accuracy.reset();
    await expect(accuracy.compute()).rejects.toThrow(
      "Accuracy.compute: no batch was counted since the last reset (call update(output, target) for each batch first)",
    );
    accuracy.update(x, int32([1, 0]));
    expect(await accuracy.compute()).toBe(1);
    const recall = new Recall({ average: "none" });
    recall.update(x, y);
    expect(() => recall.update(tensor([[1, 2]]), int32([1]))).toThrow(
      "Recall.update: the number of classes or of outputs changed",
    );
    recall.reset();
    recall.update(tensor([[1, 2]]), int32([1]));
    expect(await recall.compute()).toEqual([0, 1]);
  });

  test("a saved metric goes on", async () => {
    const [whole, first, second] = [new F1(), new F1(), new F1()];
    whole.update(x, y);
    whole.update(x, int32([0, 0]));
    first.update(x, y);
    second.loadStateDict(load<MetricState & Record<string, unknown>>(await save(first.stateDict())));
    second.update(x, int32([0, 0]));
    expect(await second.compute()).toBe(await whole.compute());
    second.loadStateDict(new F1().stateDict());
    await expect(second.compute()).rejects.toThrow("no batch");
  });

  test("NaN is not among the right ones", async () => {
    const top = new TopKAccuracy(2);
    top.update(
      tensor([
        [Number.NaN, Number.NaN, Number.NaN],
        [3, 2, Number.NaN],
      ]),
      int32([2, 1]),
    );
    expect(await top.compute()).toBe(0);
  });

  test("zero by zero is 0, and an empty batch counts nothing", async () => {
    const [precision, recall] = [new Precision(), new Recall()];
    precision.update(tensor([-1, -2]), int32([1, 1]));
    recall.update(tensor([1, -2]), int32([0, 0]));
    expect([await precision.compute(), await recall.compute()]).toEqual([0, 0]);
    const r2 = new R2Score();
    const empty = tensor([1]).at("0:0");
    r2.update(empty, empty);
    r2.update(tensor([1, 2]), tensor([1, 2]));
    r2.update(empty, empty);
    expect(await r2.compute()).toBe(1);
    const accuracy = new Accuracy();
    accuracy.update(tensor([[1, 2]]).at("0:0"), int32([1]).at("0:0"));
    await expect(accuracy.compute()).rejects.toThrow("Accuracy.compute: nothing was counted");
  });

  test("mistakes are named where they are made", async () => {
    const accuracy = new Accuracy();
    expect(() => accuracy.update(x, tensor([1, 2]))).toThrow(
      "Accuracy: the labels must be whole numbers: got float32 [2] (convert with .int())",
    );
    expect(() => accuracy.update(x, int32([1, 2, 0]))).toThrow(
      "Accuracy: the target must be labels of shape [2]: output [2, 3], target [3]",
    );
    expect(() => accuracy.update(x, int32([[1], [2]]))).toThrow("drop the last dim: y.squeeze(-1)");
    expect(() => accuracy.update(tensor([[[1, 2, 3]]]), int32([[1]]))).toThrow("output.movedim(-1, 1)");
    expect(() => accuracy.update(x, x)).toThrow("many classes: y.argmax(1)");
    expect(() => accuracy.update(y, y)).toThrow("the output must be scores or probabilities: got int32 [2]");
    expect(() => new TopKAccuracy(4).update(x, y)).toThrow(
      "k is more than there are classes: k 4, output of 3 classes",
    );
    expect(() => new TopKAccuracy(0)).toThrow("k must be a whole number from 1: got 0");
    expect(() => new ConfusionMatrix(4).update(x, y)).toThrow("another number of classes: 3, the matrix 4");
    expect(() => new Precision({ average: "marco" as "macro" })).toThrow(
      'unknown average "marco" (did you mean "macro"?)',
    );
    expect(() => new Accuracy({ ignoreindex: 1 } as object)).toThrow(
      'unknown option "ignoreindex" (did you mean "ignoreIndex"?)',
    );
    expect(() => new MeanAbsoluteError().update(tensor([[1], [2]]), tensor([1, 2]))).toThrow("(target.reshape(2, 1))");
    expect(() => new Mean().update(x, y)).toThrow("new Mean((output, target) => ...), or add(loss, count)");
    const wrong = [new Accuracy(), new F1(), new Perplexity(), new ConfusionMatrix(3), new TopKAccuracy(2)];
    for (const metric of wrong) {
      metric.update(x, int32([0, 3]));
      metric.update(x, int32([-7, 1]));
      await expect(metric.compute()).rejects.toThrow("labels out of range: 2 of 4 labels are not from 0 to 2");
    }
    accuracy.update(tensor([0.5, 0.5]), tensor([0, 0.5]));
    await expect(accuracy.compute()).rejects.toThrow("1 of 2 labels are not from 0 to 1");
  });

  test("metrics by name", () => {
    for (const name of metricNames) expect(metricByName(name).name).toBe(name);
    expect(metricByName("top3Accuracy").name).toBe("top3Accuracy");
    expect(() => metricByName("acuracy")).toThrow('metricByName: unknown metric "acuracy" (did you mean "accuracy"?)');
    expect(() => metricByName("toString")).toThrow("known: accuracy,");
  });
});
