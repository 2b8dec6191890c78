/** The loss of an example, of the batch, and how it depends on an output: formulas with the numbers of a trace. */
import {
  type Expression,
  type Formula,
  call,
  evaluate,
  formula,
  known,
  minus,
  negative,
  power,
  product,
  quotient,
  sum,
} from "./expression.ts";
import { subscript } from "../view/number.ts";
import { type StepReading, outputsOf, targetAt } from "./step-reading.ts";

/** Beyond this score the plain form of the logarithm would lose its digits. */
const steepScore = 15;
/** Where a huber loss turns from a square into a line. */
const huberTurn = 1;

const one = known(1);

/** The lines that end in the loss of one example; undefined where the trace has not kept its numbers. */
export function exampleLoss(step: StepReading, sample: number): Formula[] | undefined {
  const outputs = outputsOf(step, sample);
  const targets = outputs?.map((_, c) => targetAt(step, sample, c));
  if (outputs === undefined || !isComplete(targets)) return undefined;
  const name = `L${subscript(sample + 1)}`;
  const [y, t] = [outputs[0] as number, targets[0] as number];
  switch (step.loss) {
    case "classes": {
      const right = targets.indexOf(1);
      if (right < 0) return undefined;
      const share = formula(`p${step.marks[right] ?? ""}`, shareOf(step, outputs, right));
      return [share, formula(name, negative(call("log", known(share.result, share.name))))];
    }
    case "binary":
      return [formula(name, negativeLog(known(y, "y"), t))];
    case "binaryScores":
      return Math.abs(y) <= steepScore
        ? [formula(name, negativeLog(call("sigmoid", known(y, "y")), t))]
        : [formula(name, steepLoss(known(y, "y"), t))];
    case "mse":
      return [
        formula(
          name,
          meanOf(step, outputs, targets, (d) => power(d, 2)),
        ),
      ];
    case "mae":
      return [
        formula(
          name,
          meanOf(step, outputs, targets, (d) => call("abs", d)),
        ),
      ];
    case "huber":
      return [formula(name, meanOf(step, outputs, targets, huber))];
  }
}

/** L = (L₁ + … + Lₙ) / n. */
export function batchLoss(step: StepReading): Formula | undefined {
  const losses: Expression[] = [];
  for (let n = 0; n < step.samples; n++) {
    const own = exampleLoss(step, n)?.at(-1);
    if (own === undefined) return undefined;
    losses.push(known(own.result, own.name));
  }
  return formula("L", quotient(sum(...losses), known(step.samples, "n")), step.trace.lossValue);
}

/** The lines that end in ∂L/∂y of one output of an example. L is the mean over the batch, so each has its share of it. */
export function outputSlope(step: StepReading, sample: number, output: number, result: number): Formula[] | undefined {
  const outputs = outputsOf(step, sample);
  const target = targetAt(step, sample, output);
  const value = outputs?.[output];
  if (outputs === undefined || value === undefined || target === undefined) return undefined;
  const mark = step.marks[output] ?? "";
  const y = known(value, `y${mark}`);
  const t = known(target, `t${mark}`);
  const d = minus(y, t);
  const name = `∂L/∂y${mark}`;
  const all = known(step.samples, "n");
  const numbers = outputs.length === 1 ? all : product(all, known(outputs.length, "m"));
  const line = (expression: Expression): Formula[] => [formula(name, expression, result)];
  switch (step.loss) {
    case "classes": {
      const share = formula(`p${mark}`, shareOf(step, outputs, output));
      return [share, formula(name, quotient(minus(known(share.result, share.name), t), all), result)];
    }
    case "binary":
      return line(quotient(d, product(all, y, minus(one, y))));
    case "binaryScores":
      return line(quotient(minus(call("sigmoid", y), t), all));
    case "mse":
      return line(quotient(product(known(2), d), numbers));
    case "mae":
      return line(quotient(call("sign", d), numbers));
    case "huber":
      return line(quotient(Math.abs(value - target) <= huberTurn ? d : call("sign", d), numbers));
  }
}

/** pₖ = exp(yₖ) / Σ exp(yⱼ); less the largest where exp would overflow. */
function shareOf({ marks }: StepReading, outputs: readonly number[], at: number): Expression {
  const most = Math.max(...outputs);
  const isLarge = outputs.some((y) => Math.abs(y) > 50);
  const terms = outputs.map((y, k) => {
    const score = known(y, `y${marks[k] ?? ""}`);
    return call("exp", isLarge ? minus(score, known(most, "yₘₐₓ")) : score);
  });
  return quotient(terms[at] as Expression, sum(...terms));
}

/** −(t ln p + (1 − t) ln(1 − p)), of which one half is left where the target is 0 or 1. */
function negativeLog(p: Expression, target: number): Expression {
  const hit = call("log", p);
  const miss = call("log", minus(one, p));
  if (target === 1) return negative(hit);
  if (target === 0) return negative(miss);
  const t = known(target, "t");
  return negative(sum(product(t, hit), product(minus(one, t), miss)));
}

/** The same by the score itself: max(0, y) − t y + ln(1 + exp(−|y|)). */
function steepLoss(y: Expression, target: number): Expression {
  const small = call("log", sum(one, call("exp", negative(call("abs", y)))));
  return sum(call("relu", y), negative(product(known(target, "t"), y)), small);
}

function huber(d: Expression): Expression {
  const size = Math.abs(evaluate(d));
  const half = known(0.5);
  return size <= huberTurn ? product(half, power(d, 2)) : minus(call("abs", d), half);
}

/** The mean over the outputs of an example. */
function meanOf(
  { marks }: StepReading,
  outputs: readonly number[],
  targets: readonly number[],
  error: (d: Expression) => Expression,
): Expression {
  const mark = (k: number): string => marks[k] ?? "";
  const terms = outputs.map((y, k) =>
    error(minus(known(y, `y${mark(k)}`), known(targets[k] as number, `t${mark(k)}`))),
  );
  return terms.length === 1 ? sum(...terms) : quotient(sum(...terms), known(terms.length, "m"));
}

function isComplete(targets: readonly (number | undefined)[] | undefined): targets is readonly number[] {
  return targets?.every((t) => t !== undefined) === true;
}
