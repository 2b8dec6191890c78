/** What is selected: its numbers, and its formulas with the numbers put in, are those of the trace. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../../site/src/session/session.ts";
import { expectShown, readNumber, sizes, sizesIn } from "./numbers.ts";
import { button, cells, details, facts, formula, move, ready, unit } from "./playground.ts";
import {
  type ReferenceStep,
  dataOf,
  differences,
  elementsOf,
  parameterOf,
  referenceSteps,
  small,
  unitNumbers,
} from "./reference.ts";
import { type PageSite, patience } from "./site.ts";

/** The second unit of the second layer: three inputs, and one output that takes it. */
const [layer, at, inputs] = [1, 1, 3];

/** A formula in symbols, the sizes of the numbers that were put in, and its result. */
async function expectFormula(
  page: Page,
  name: string,
  symbols: string,
  put: readonly number[],
  result: number,
): Promise<void> {
  const [first = "", second = ""] = await formula(page, name);
  expect(first).toBe(`${name} = ${symbols}`);
  expect(second.startsWith(" = ")).toBe(true);
  expect([second, ...sizesIn(second)]).toEqual([second, ...sizes(...put, result)]);
  expectShown(second.split(" = ").at(-1), result, name);
}

async function resultOf(page: Page, name: string): Promise<string> {
  return (await formula(page, name)).join("").split(" = ").at(-1) ?? "";
}

async function phases(page: Page, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await move(page, "Next phase");
}

/** Selects something, and waits until it is what the details are about. */
async function choose(page: Page, name: string, title: string): Promise<void> {
  await button(page, name).click();
  await details(page).getByRole("heading", { name: title }).waitFor();
}

export function formulaTests(site: () => PageSite): void {
  describe("what is selected", () => {
    let step: ReferenceStep;
    beforeAll(async () => {
      [step] = (await referenceSteps(small.config, 1)) as [ReferenceStep];
    });

    test("a unit: sum, activation and the chain rule with the numbers put in, as soon as they are known", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        const numbers = unitNumbers(step, layer, 0);
        const [z, a, slopeA, slopeZ] = [numbers.z, numbers.a, numbers.slopeA, numbers.slopeZ].map(
          (row) => row[at] as number,
        ) as [number, number, number, number];
        const weights = elementsOf(step.traced.trace, "2.weight").before.slice(inputs * at, inputs * (at + 1));
        const bias = elementsOf(step.traced.trace, "2.bias").before[at] as number;
        const [next = NaN] = unitNumbers(step, layer + 1, 0).slopeZ;
        const out = elementsOf(step.traced.trace, "4.weight").before[at] as number;

        await unit(page, "layer 2", "h₂").click({ force: true });
        await details(page).getByRole("heading", { name: "Unit h₂, layer 2" }).waitFor();
        expect(Object.fromEntries(await facts(details(page)))).toEqual({
          z: "–",
          a: "–",
          "∂L/∂z": "– no gradient yet",
        });
        expect(await formula(page, "z")).toEqual(["z = w₁ · h₁ + w₂ · h₂ + w₃ · h₃ + b = –"]);
        expect(await formula(page, "∂L/∂z")).toEqual(["∂L/∂z = ∂L/∂a · ∂a/∂z = –"]);

        await phases(page, 1);
        const forward = await facts(details(page));
        expectShown(forward.get("z"), z, "z");
        expectShown(forward.get("a"), a, "a");
        expect(forward.get("∂L/∂z")).toBe("– no gradient yet");
        const terms = weights.flatMap((w, i) => [w, numbers.inputs[i] as number]);
        await expectFormula(page, "z", "w₁ · h₁ + w₂ · h₂ + w₃ · h₃ + b", [...terms, bias], z);
        await expectFormula(page, "a", "tanh(z)", [z], a);

        await phases(page, 2);
        expectShown((await facts(details(page))).get("∂L/∂z"), slopeZ, "∂L/∂z");
        await expectFormula(page, "∂L/∂a", "∂L/∂z₁ · w₁", [next, out], slopeA);
        await expectFormula(page, "∂a/∂z", "1 − a²", [1, a], 1 - a * a);
        await expectFormula(page, "∂L/∂z", "∂L/∂a · ∂a/∂z", [slopeA, 1 - a * a], slopeZ);
      });
    });

    test("a weight and a bias: before and after, gradient, each example's share, the update, and why", async () => {
      const { trace } = step.traced;
      const slopes = differences(step);
      const session = new Session({ device: "wasm" });
      await session.build(small.config);
      await session.traceStep();
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        await unit(page, "layer 2", "h₂").click({ force: true });
        for (const [choice, title, path, place, input, symbol] of [
          ["w₂", "Weight from h₂ to h₂, layer 2", "2.weight", inputs * at + 1, 1, "w₂"],
          ["Its bias", "Bias of h₂, layer 2", "2.bias", at, undefined, "b"],
        ] as const) {
          await choose(page, choice, title);
          const values = elementsOf(trace, path);
          const [before, after, gradient] = [values.before, values.after, values.gradient].map(
            (all) => all[place] as number,
          ) as [number, number, number];
          const early = await facts(details(page));
          expectShown(early.get("before"), before, `${path} before`);
          expect([early.get(`∂L/∂${symbol}`), early.get("after")]).toEqual(["– no gradient yet", "–"]);
          await phases(page, 4);
          const late = await facts(details(page));
          expectShown(late.get("before"), before, `${path} before`);
          expectShown(late.get("after"), after, `${path} after`);
          expectShown(late.get(`∂L/∂${symbol}`), gradient, `gradient of ${path}`);
          expectShown(await resultOf(page, `∂L/∂${symbol}`), gradient, `gradient of ${path} as a formula`);

          const { state } = parameterOf(trace, path);
          for (const [name, sign] of [
            ["exp_avg", "m′"],
            ["exp_avg_sq", "v′"],
          ] as const) {
            expectShown(await resultOf(page, sign), dataOf(state[name]?.after)[place] as number, sign);
          }
          expectShown(await resultOf(page, `${symbol}′`), after, `${symbol}′`);

          const listed = details(page).getByRole("listitem");
          // It stays open from one selection to the next.
          if ((await listed.count()) === 0) {
            await details(page).getByText("What each of the 8 examples adds to the gradient").click();
            await listed.first().waitFor();
          }
          const shares = await listed.allInnerTexts();
          const told = shares.map((text) => text.replace(/^Example \d+/, "").trim());
          expect(told).toHaveLength(step.batch.inputs.length);
          told.forEach((text, n) => {
            const { slopeZ, inputs: given } = unitNumbers(step, layer, n);
            const share = (slopeZ[at] as number) * (input === undefined ? 1 : (given[input] as number));
            expectShown(text, share, `share of example ${n + 1}`);
          });

          const index = input === undefined ? [at] : [at, input];
          const why = await session.explain(path, index);
          await button(page, "Why did this weight change?").click();
          const region = details(page).getByRole("region", { name: "Why it changes" });
          await region.waitFor();
          const rows = (await cells(region.getByRole("table"))).slice(1);
          expect(rows).toHaveLength(why.chain.length);
          rows.forEach(([, value, , slope], i) => {
            expectShown(value, why.chain[i]?.value as number, `value of link ${i}`);
            expectShown(slope, why.chain[i]?.gradient as number, `gradient of link ${i}`);
          });
          const [, own = "", other = ""] =
            /the gradient is (\S+) and moving the weight a little both ways gives (\S+)/.exec(
              await region.innerText(),
            ) ?? [];
          expectShown(own, why.gradient, "the explained gradient");
          // Differences of a loss in float32 have three digits.
          const slope = slopes.get(path)?.[place] as number;
          expect(Math.abs(readNumber(own) - slope)).toBeLessThan(1e-3 * Math.abs(slope));
          expect(Math.abs(readNumber(other) - slope)).toBeLessThan(2e-2 * Math.abs(slope));

          for (let i = 0; i < 4; i++) await move(page, "Back one phase");
          await choose(page, "The unit it leads to", "Unit h₂, layer 2");
        }
      });
    });

    test("the example: its inputs, output and target, and its part of the loss", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        await phases(page, 2);
        await page.getByRole("slider", { name: /^Example of the batch/ }).fill("3");
        await choose(page, "Example 3", "The example that is followed");
        const [z = NaN] = unitNumbers(step, 2, 2).a;
        const target = step.batch.targets[2] as number;
        const loss = Math.log1p(Math.exp(z)) - target * z;
        expectShown(await resultOf(page, "L₃"), loss, "the loss of the example");
        expectShown(await resultOf(page, "L"), step.traced.trace.lossValue, "the loss of the batch");
      });
    });

    test("histograms have as many weights and gradients as the layers, from the least to the greatest", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        const region = page.getByRole("region", { name: "Weights and gradients by layer" });
        const named = async (): Promise<string[]> =>
          (await region.getByRole("img").all()).reduce<Promise<string[]>>(
            async (names, image) => [...(await names), (await image.getAttribute("aria-label")) ?? ""],
            Promise.resolve([]),
          );
        const expectRange = (name: string | undefined, values: readonly number[]): void => {
          const [, count, from, to] = /: (\d+) numbers from (\S+) to ([^\s,]+),/.exec(name ?? "") ?? [];
          expect([name, Number(count)]).toEqual([name, values.length]);
          expectShown(from, Math.min(...values), `least of ${name}`);
          expectShown(to, Math.max(...values), `greatest of ${name}`);
        };
        const early = await named();
        expect(early.filter((name) => name === "gradients of the weights: nothing yet")).toHaveLength(3);
        await phases(page, 4);
        const late = await named();
        step.info.layers.forEach(({ path }, l) => {
          const { before, after, gradient } = elementsOf(step.traced.trace, `${path}.weight`);
          expectRange(early[2 * l], before);
          expectRange(late[2 * l], after);
          expectRange(late[2 * l + 1], gradient);
        });
        await expect.poll(() => button(page, "Next phase").isEnabled(), { timeout: patience }).toBe(true);
      });
    });
  });
}
