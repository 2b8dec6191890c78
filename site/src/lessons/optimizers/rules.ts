/** The step of an optimiser for one weight, line by line with the numbers put in. */
import { eps } from "./constants.ts";
import type { Run } from "./lab.ts";

/** By its sign in the formulas: what it is, in words. */
export type RuleSign = "w" | "g" | "η" | "v" | "s" | "m" | "μ" | "ρ" | "β₁" | "β₂" | "m̂" | "ŝ" | "ε";

/** What formulas of view/formula.tsx are made of, as far as rules need it. */
export type RulePart =
  | string
  | { readonly name: string; readonly sub?: string | undefined; readonly sup?: string; readonly link?: RuleSign }
  | { readonly number: number | undefined; readonly link?: RuleSign }
  | { readonly group: readonly RulePart[]; readonly link: RuleSign };

function name(sign: RuleSign, stroke = "", sub?: string): RulePart {
  return { name: `${sign}${stroke}`, sub, link: sign };
}

/** A number in a product or sum; negative ones in brackets. */
function put(sign: RuleSign, number: number | undefined, power = ""): RulePart {
  const isBracketed = (number ?? 0) < 0;
  return {
    group: [isBracketed ? "(" : "", { number }, `${isBracketed ? ")" : ""}${power}`],
    link: sign,
  };
}

/** The lines of step `count` + 1 for w₁ (0) or w₂ (1). */
export function ruleOf(run: Run, count: number, weight: 0 | 1): readonly (readonly RulePart[])[] {
  const { optimizer, steps, rate, keep, keepSquares } = run;
  const step = steps[count];
  if (step === undefined) return [];
  const before = count === 0 ? undefined : steps[count - 1];
  const sub = String(weight + 1);
  const g = step.slope[weight];
  const old = (state: "mean" | "squares"): number => before?.[state]?.[weight] ?? 0;

  /** new = share · old + (1 − share) · now, or + now. */
  const kept = (
    state: "mean" | "squares",
    sign: RuleSign,
    share: readonly [RuleSign, number],
    isMean: boolean,
    power: string,
  ): readonly RulePart[] => {
    const [shareSign, value] = share;
    const rest = (one: RulePart): RulePart[] => (isMean ? ["(1 − ", one, ")·"] : []);
    return [
      name(sign, "′"),
      " = ",
      name(shareSign),
      "·",
      name(sign),
      " + ",
      ...rest(name(shareSign)),
      name("g"),
      power,
      " = ",
      put(shareSign, value),
      "·",
      put(sign, old(state)),
      " + ",
      ...rest(put(shareSign, value)),
      put("g", g, power),
      " = ",
      { number: step[state]?.[weight], link: sign },
    ];
  };
  /** x̂ = x′ / (1 − βᵗ). */
  const straight = (
    sign: "m̂" | "ŝ",
    of: "m" | "s",
    share: readonly [RuleSign, number],
    value: number | undefined,
    result: number | undefined,
  ): readonly RulePart[] => [
    name(sign),
    " = ",
    name(of, "′"),
    " / (1 − ",
    { group: [{ name: share[0], sup: "t" }], link: share[0] },
    ") = ",
    { number: value, link: of },
    " / (1 − ",
    { group: [{ number: share[1] }, { name: "", sup: String(count + 1) }], link: share[0] },
    ") = ",
    { number: result, link: sign },
  ];
  const end = (byName: readonly RulePart[], byNumber: readonly RulePart[]): RulePart[][] => {
    const next = [name("w", "′", sub), " = "];
    return [
      [...next, name("w", "", sub), " − ", name("η"), "·", ...byName],
      [
        ...next,
        { number: step.w[weight], link: "w" },
        " − ",
        put("η", rate),
        "·",
        ...byNumber,
        " = ",
        { number: steps[count + 1]?.w[weight] },
      ],
    ];
  };
  /** x / (√s + ε). */
  const divided = (x: RulePart, root: RulePart, eps: RulePart): readonly RulePart[] => [
    x,
    " / (√",
    root,
    " + ",
    eps,
    ")",
  ];
  const small = put("ε", eps);

  const squares = step.squares?.[weight];
  switch (optimizer) {
    case "sgd":
      return end([name("g")], [put("g", g)]);
    case "momentum":
      return [kept("mean", "v", ["μ", keep], false, ""), ...end([name("v", "′")], [put("v", step.mean?.[weight])])];
    case "rmsprop":
      return [
        kept("squares", "s", ["ρ", keepSquares], true, "²"),
        ...end(divided(name("g"), name("s", "′"), name("ε")), divided(put("g", g), put("s", squares), small)),
      ];
    case "adam": {
      const [mean, straightMean] = [step.mean?.[weight], step.straightMean?.[weight]];
      const straightSquares = step.straightSquares?.[weight];
      return [
        kept("mean", "m", ["β₁", keep], true, ""),
        kept("squares", "s", ["β₂", keepSquares], true, "²"),
        straight("m̂", "m", ["β₁", keep], mean, straightMean),
        straight("ŝ", "s", ["β₂", keepSquares], squares, straightSquares),
        ...end(
          divided(name("m̂"), name("ŝ"), name("ε")),
          divided(put("m̂", straightMean), put("ŝ", straightSquares), small),
        ),
      ];
    }
  }
}
