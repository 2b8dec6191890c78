import { expect, test } from "vitest";
import {
  type Expression,
  type Formula,
  type Token,
  call,
  evaluate,
  known,
  minus,
  negative,
  power,
  product,
  quotient,
  sum,
  written,
} from "../../site/src/playground/expression.ts";
import {
  type FormulaGroup,
  exampleFormulas,
  exampleNumbers,
  exampleShares,
  parameterFormulas,
  unitFormulas,
} from "../../site/src/playground/formulas.ts";
import { type StepReading, elements, readStep } from "../../site/src/playground/step-reading.ts";
import { type Activation, type OptimizerName, activations } from "../../site/src/session/config.ts";
import { type TraceOptimizer, type TraceParameter, summaryOf } from "../../src/inspect/index.ts";
import type * as nn from "../../src/nn/index.ts";
import { Adagrad, Adam, AdamW, Lion, RMSprop, SGD } from "../../src/optim/index.ts";
import { type Made, type Wanted, traced } from "./playground-steps.ts";

/** The size of the terms that a formula adds, which says how far rounding may reach. */
function sizeOf(expression: Expression): number {
  switch (expression.kind) {
    case "sum":
      return expression.terms.reduce((size, term) => size + sizeOf(term), 0);
    case "product":
      return expression.factors.reduce((size, factor) => size * sizeOf(factor), 1);
    case "quotient":
      return sizeOf(expression.over) / Math.abs(evaluate(expression.under));
    case "negative":
      return sizeOf(expression.of);
    default:
      return Math.abs(evaluate(expression));
  }
}

function expectTrue(formulas: readonly Formula[]): void {
  for (const { name, expression, result } of formulas) {
    const error = Math.abs(evaluate(expression) - result);
    expect(error, `${name} = ${text(expression, "numbers")} = ${result}`).toBeLessThanOrEqual(
      1e-5 * Math.max(Math.abs(result), sizeOf(expression)),
    );
  }
}

function text(expression: Expression, as: "symbols" | "numbers"): string {
  const show = (token: Token): string => {
    if (token.kind === "number") return String(token.value);
    return token.kind === "rest" ? `(${token.terms} more: ${token.value})` : token.text;
  };
  return written(expression, as).map(show).join("");
}

function reading({ trace, info, training }: Made): StepReading {
  const step = readStep(trace, info, training);
  if (step === undefined) throw new Error("the trace is not of that network");
  return step;
}

async function readingOf(wanted: Wanted): Promise<StepReading> {
  return reading(await traced(wanted));
}

/** All that is said about a step. */
function allGroups(step: StepReading): FormulaGroup[] {
  const groups: FormulaGroup[] = [];
  for (let sample = 0; sample < step.samples; sample++) {
    groups.push(...exampleFormulas(step, sample));
    step.layers.forEach(({ units, inputs }, layer) => {
      for (let unit = 0; unit < units; unit++) {
        groups.push(...unitFormulas(step, layer, unit, sample), ...parameterFormulas(step, { layer, unit }, sample));
        for (let input = 0; input < inputs; input++) {
          groups.push(...parameterFormulas(step, { layer, unit, input }, sample));
        }
      }
    });
  }
  return groups;
}

test.each(activations)("%s: each line gives the number of the trace", async (activation) => {
  const step = await readingOf({ activation, outputActivation: activation });
  const groups = allGroups(step);
  // For each of 5 examples: 8 units twice, 8 biases and 23 weights twice, and the loss.
  expect(groups).toHaveLength(5 * (8 * 2 + (8 + 23) * 2 + 1));
  for (const { formulas } of groups) {
    expect(formulas.length).toBeGreaterThan(0);
    expectTrue(formulas);
  }
});

const lossCases: readonly Wanted[] = [
  { loss: "mse", outputs: 3 },
  { loss: "mae", outputs: 2 },
  { loss: "huber", outputs: 2 },
  { loss: "huber", outputs: 1 },
  { loss: "crossEntropy", outputs: 1 },
  { loss: "crossEntropy", outputs: 1, outputActivation: "sigmoid" },
  { loss: "crossEntropy", outputs: 3 },
];

test.each(lossCases)(
  "$loss of $outputs outputs: examples add up to the loss, and its slopes are right",
  async (wanted) => {
    const step = await readingOf(wanted);
    for (const { formulas } of allGroups(step)) expectTrue(formulas);
    const [group] = exampleFormulas(step, 2);
    expect(group?.formulas.at(-1)?.name).toBe("L");
    expect(group?.formulas.at(-1)?.result).toBe(step.trace.lossValue);
    const { inputs, outputs, targets } = exampleNumbers(step, 2);
    expect([inputs?.length, outputs?.length, targets.length]).toEqual([2, wanted.outputs, wanted.outputs]);
  },
);

type MakeOptimizer = (parameters: nn.Parameter[]) => TraceOptimizer;

const optimizerCases: Readonly<Record<string, readonly [OptimizerName, MakeOptimizer, lines: number]>> = {
  sgd: ["sgd", (p) => new SGD(p, { lr: 0.1 }), 1],
  "sgd with a penalty": ["sgd", (p) => new SGD(p, { lr: 0.1, weightDecay: 0.2 }), 2],
  momentum: ["momentum", (p) => new SGD(p, { lr: 0.1, momentum: 0.9 }), 2],
  "momentum with a penalty": ["momentum", (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.2 }), 3],
  nesterov: ["nesterov", (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }), 3],
  rmsprop: ["rmsprop", (p) => new RMSprop(p, { lr: 0.01 }), 2],
  "rmsprop with momentum and a penalty": [
    "rmsprop",
    (p) => new RMSprop(p, { lr: 0.01, momentum: 0.8, weightDecay: 0.1 }),
    4,
  ],
  adagrad: ["adagrad", (p) => new Adagrad(p, { lr: 0.1 }), 2],
  "adagrad with a start": [
    "adagrad",
    (p) => new Adagrad(p, { lr: 0.1, initialAccumulatorValue: 0.5, lrDecay: 0.1 }),
    3,
  ],
  adam: ["adam", (p) => new Adam(p, { lr: 0.03 }), 5],
  "adam with a penalty": ["adam", (p) => new Adam(p, { lr: 0.03, weightDecay: 0.1 }), 6],
  adamw: ["adamw", (p) => new AdamW(p, { lr: 0.03, weightDecay: 0.1 }), 5],
  lion: ["lion", (p) => new Lion(p, { lr: 0.01 }), 3],
  "lion with a penalty": ["lion", (p) => new Lion(p, { lr: 0.01, weightDecay: 0.1 }), 3],
};

test.each(Object.keys(optimizerCases))(
  "%s: the update ends in the new weight, in the first step and later",
  async (name) => {
    const [optimizerName, optimizer, lines] = optimizerCases[name] as (typeof optimizerCases)[string];
    for (const steps of [1, 4]) {
      const step = await readingOf({ optimizer, optimizerName, steps });
      let compared = 0;
      for (const { kind, formulas, parameter } of allGroups(step)) {
        if (kind !== "update") continue;
        expect(formulas).toHaveLength(lines);
        expectTrue(formulas);
        const { after } = step.trace.parameters[parameter as number] as TraceParameter;
        expect(elements(after)).toContain(formulas.at(-1)?.result);
        expect(formulas.at(-1)?.name).toMatch(/^(w.|b)′$/);
        compared++;
      }
      expect(compared).toBe(5 * 31);
    }
  },
);

test("an update without a line is not told", async () => {
  const cases: readonly (readonly [OptimizerName, MakeOptimizer])[] = [
    ["adam", (p) => new Adam(p, { amsgrad: true })],
    ["momentum", (p) => new SGD(p, { momentum: 0.5, dampening: 0.1 })],
  ];
  for (const [optimizerName, optimizer] of cases) {
    const step = await readingOf({ optimizer, optimizerName });
    const groups = parameterFormulas(step, { layer: 0, unit: 0, input: 0 }, 0);
    expect(groups.map(({ kind }) => kind)).toEqual(["backward", "gradient"]);
  }
});

test("the examples' shares of a gradient add up to it", async () => {
  const step = await readingOf({ loss: "crossEntropy", outputs: 3 });
  for (const input of [undefined, 0, 1]) {
    const place = { layer: 0, unit: 2, ...(input === undefined ? {} : { input }) };
    const shares = exampleShares(step, place) as readonly number[];
    const gradient = parameterFormulas(step, place, 0).find(({ kind }) => kind === "gradient")?.formulas[0];
    expect(shares).toHaveLength(5);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(gradient?.result as number, 6);
  }
});

test("a unit's lines read as people write them", async () => {
  const step = await readingOf({});
  const groups = unitFormulas(step, 0, 0, 0);
  const shown = groups.map(({ formulas }) =>
    formulas.map(({ name, expression }) => `${name} = ${text(expression, "symbols")}`),
  );
  expect(shown).toEqual([
    ["z = w₁ · x₁ + w₂ · x₂ + b", "a = tanh(z)"],
    ["∂L/∂a = ∂L/∂z₁ · w₁ + ∂L/∂z₂ · w₂ + ∂L/∂z₃ · w₃", "∂a/∂z = 1 − a²", "∂L/∂z = ∂L/∂a · ∂a/∂z"],
  ]);
  const [chain, total] = parameterFormulas(step, { layer: 1, unit: 0, input: 3 }, 1);
  expect(chain?.formulas.map(({ name, expression }) => `${name} = ${text(expression, "symbols")}`)).toEqual([
    "∂a/∂z = 1 − a²",
    "∂z/∂w₄ = h₄",
    "∂L₂/∂w₄ = ∂L/∂a · ∂a/∂z · ∂z/∂w₄",
  ]);
  expect(total?.formulas.map(({ expression }) => text(expression, "symbols"))).toEqual([
    "∂L/∂z⁽¹⁾ · h₄⁽¹⁾ + ∂L/∂z⁽²⁾ · h₄⁽²⁾ + ∂L/∂z⁽³⁾ · h₄⁽³⁾ + ∂L/∂z⁽⁴⁾ · h₄⁽⁴⁾ + ∂L/∂z⁽⁵⁾ · h₄⁽⁵⁾",
  ]);
});

test("what was kept only as statistics has no numbers, and no lines", async () => {
  const { trace, info, training } = await traced();
  const without = {
    ...trace,
    operations: trace.operations.map((one) =>
      one.value === undefined ? one : { ...one, value: summaryOf(one.value) },
    ),
  };
  const step = reading({ trace: without, info, training });
  expect(allGroups(step)).toEqual([]);
  expect(exampleNumbers(step, 0)).toEqual({ inputs: undefined, outputs: undefined, targets: [] });
});

test("a trace of another network is told from one of this", async () => {
  const { trace, info, training } = await traced();
  expect(
    readStep(
      trace,
      { layers: [...info.layers, { path: "9", activationPath: undefined, units: 1, activation: "none" }] },
      training,
    ),
  ).toBeUndefined();
});

test("formulas are written with the brackets that they need, and no others", () => {
  const [a, b, c] = [known(2, "a"), known(-3, "b"), known(0.5, "c")] as const;
  const cases: readonly (readonly [Expression, string, string])[] = [
    [sum(a, b, c), "a + b + c", "2 − 3 + 0.5"],
    [minus(a, b), "a − b", "2 − (-3)"],
    [minus(a, sum(b, c)), "a − (b + c)", "2 − (-3 + 0.5)"],
    [product(a, b), "a · b", "2 · (-3)"],
    [product(sum(a, b), c), "(a + b) · c", "(2 − 3) · 0.5"],
    [quotient(product(a, b), product(b, c)), "a · b / (b · c)", "2 · (-3) / ((-3) · 0.5)"],
    [quotient(a, quotient(b, c)), "a / (b / c)", "2 / ((-3) / 0.5)"],
    [power(b, 2), "b²", "(-3)²"],
    [power(sum(a, c), 2), "(a + c)²", "(2 + 0.5)²"],
    [power(a, 12, "t"), "aᵗ", "2¹²"],
    [negative(product(a, c)), "−a · c", "−2 · 0.5"],
    [negative(sum(a, c)), "−(a + c)", "−(2 + 0.5)"],
    [product(a, negative(c)), "a · (−c)", "2 · (−0.5)"],
    [call("abs", minus(a, c)), "|a − c|", "|2 − 0.5|"],
    [call("relu", b), "max(0, b)", "max(0, -3)"],
    [call("log", call("sigmoid", a)), "ln(σ(a))", "ln(σ(2))"],
  ];
  for (const [expression, symbols, numbers] of cases) {
    expect([text(expression, "symbols"), text(expression, "numbers")]).toEqual([symbols, numbers]);
  }
});

test("of many terms the largest are shown, the last, and what the others come to", () => {
  const terms = Array.from({ length: 20 }, (_, i) => known((i * 7) % 19, `t${i}`));
  const tokens = written(sum(...terms), "symbols");
  const rest = tokens.find(({ kind }) => kind === "rest");
  expect(tokens.filter(({ kind }) => kind === "symbol")).toHaveLength(4);
  expect(tokens.filter(({ kind }) => kind === "symbol").at(-1)).toEqual({ kind: "symbol", text: "t19" });
  const shown = written(sum(...terms), "numbers").reduce(
    (total, one) => total + (one.kind === "number" ? one.value : 0),
    0,
  );
  expect(rest).toMatchObject({ kind: "rest", terms: 16 });
  expect(shown + (rest as { value: number }).value).toBe(evaluate(sum(...terms)));
});

test("functions are those of mathematics", () => {
  const at = (name: Parameters<typeof call>[0], x: number): number => evaluate(call(name, known(x)));
  // Φ(1.96), by tables.
  expect(at("normalCdf", 1.959963984540054)).toBeCloseTo(0.975, 12);
  expect(at("normalCdf", -1.959963984540054)).toBeCloseTo(0.025, 12);
  expect(at("normalCdf", 0)).toBe(0.5);
  expect(at("normalCdf", 9)).toBe(1);
  expect(at("normalPdf", 0)).toBeCloseTo(0.3989422804014327, 15);
  expect(at("sigmoid", -800)).toBe(0);
});

test("a network without a hidden layer is read too", async () => {
  const step = await readingOf({ hidden: [], activation: "none" satisfies Activation });
  const groups = allGroups(step);
  expect(step.layers).toHaveLength(1);
  expect(groups.length).toBeGreaterThan(0);
  for (const { formulas } of groups) expectTrue(formulas);
});
