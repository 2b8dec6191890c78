/** One step, moment by moment and back: every number that is shown is the one that twopass gives apart from the page. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectShown, readNumber, shownAs } from "./numbers.ts";
import { button, cells, counters, details, everything, move, place, ready, shownNetwork } from "./playground.ts";
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

/** The layers of the small network: two hidden ones and the output. */
const layers = 3;
/** Operations of a trace that compute nothing. */
const quiet: ReadonlySet<string> = new Set(["leaf", "constant", "iota", "reshape", "expand", "permute"]);
/** Presses of "Next layer" in a step: forward, the loss, backward from it, the update. */
const ends = { forward: layers, loss: layers + 1, backward: 2 * layers + 2, update: 3 * layers + 2 };

/** What is known after so many presses of "Next layer". */
function knownAfter(presses: number, layer: number) {
  return {
    activation: presses > layer,
    loss: presses >= ends.loss,
    // First the pass goes back through the loss.
    gradient: presses > ends.loss + (layers - layer),
    updated: presses > ends.backward + layer,
  };
}

async function expectNetwork(page: Page, step: ReferenceStep, presses: number): Promise<void> {
  const { layers: shown, loss } = await shownNetwork(page);
  const { info, traced } = step;
  expect(shown.map((units) => units.length)).toEqual([info.inputs.length, ...info.layers.map(({ units }) => units)]);
  shown[0]?.forEach(({ name, activation, gradient }, i) => {
    expect([name, gradient]).toEqual([info.inputs[i], undefined]);
    expectShown(activation, step.batch.inputs[0]?.[i] as number, `input ${name}`);
  });
  info.layers.forEach(({ path }, l) => {
    const known = knownAfter(presses, l);
    const { a, slopeZ } = unitNumbers(step, l, 0);
    const bias = elementsOf(traced.trace, `${path}.bias`);
    const read = (text: string | undefined): number | string | undefined =>
      text === undefined || text === "none" ? text : readNumber(text);
    shown[l + 1]?.forEach(({ name, ...told }, u) => {
      const about = `${name} of layer ${l + 1} after ${presses} layers`;
      expect([about, read(told.activation), read(told.gradient), read(told.bias)]).toEqual([
        about,
        known.activation ? shownAs(a[u] as number) : undefined,
        known.gradient ? shownAs(slopeZ[u] as number) : "none",
        shownAs((known.updated ? bias.after : bias.before)[u] as number),
      ]);
    });
  });
  expect(readNumber(loss ?? "")).toBe(knownAfter(presses, 0).loss ? shownAs(traced.trace.lossValue) : NaN);
}

/** The counters of the run, in front of the step or behind it. */
async function expectCounters(page: Page, step: ReferenceStep, isBehind: boolean): Promise<void> {
  const metrics = isBehind ? step.traced.metrics : step.before;
  const shown = await counters(page);
  expect(shown.get("epoch")).toBe(String(metrics.epoch));
  expect(shown.get("batch")).toBe(`${metrics.batch} / ${step.info.batchesPerEpoch}`);
  expect(shown.get("steps")).toBe(String(metrics.step));
  expectShown(shown.get("loss"), metrics.trainLoss, "loss");
  expectShown(shown.get("loss, test"), metrics.testLoss as number, "loss of the test");
  for (const [name, share] of [
    ["right", metrics.trainAccuracy],
    ["right, test", metrics.testAccuracy],
  ] as const) {
    expect(shown.get(name)?.replace("%", "")).toBe(String(Number((100 * (share as number)).toFixed(1))));
  }
}

/** How far the run has come is not what was shown of the step. */
function ofTheStep(text: string): string {
  return text
    .replace(/- region "Curves of the run":[^]*?(?=\n {2}- region)/, "")
    .replaceAll(/.*Where the run.*\n/g, "");
}

/** One layer back is shown what was shown there before. */
async function expectBack(page: Page, text: string): Promise<void> {
  await button(page, "Back one layer").click();
  await expect.poll(async () => ofTheStep(await everything(page)), { timeout: patience }).toBe(ofTheStep(text));
}

/** Every element of a parameter: before, gradient, the optimiser's state, change, after. */
async function expectUpdateTable(page: Page, { traced }: ReferenceStep, path: string): Promise<string[][]> {
  const rows = await cells(details(page).getByRole("table"));
  const { before, after, gradient } = elementsOf(traced.trace, path);
  const { change, state } = parameterOf(traced.trace, path);
  expect(rows[0]).toEqual(["element", "before", "gradient", "mean m", "mean of squares v", "change", "after"]);
  expect(rows).toHaveLength(before.length + 1);
  rows.slice(1).forEach((row, i) => {
    const states = ["exp_avg", "exp_avg_sq"].flatMap((name) => {
      const { before: old, after: next } = state[name] as (typeof state)[string];
      return [old === undefined ? 0 : (dataOf(old)[i] as number), dataOf(next)[i] as number];
    });
    const told = row.slice(1).flatMap((cell) => cell.split("→").map(readNumber));
    const wanted = [before[i], gradient[i], ...states, dataOf(change)[i], after[i]].map((x) => shownAs(x as number));
    expect([path, i, ...told]).toEqual([path, i, ...wanted]);
  });
  return rows;
}

export function steppingTests(site: () => PageSite): void {
  describe("one step", () => {
    let steps: ReferenceStep[] = [];
    beforeAll(async () => {
      steps = await referenceSteps(small.config, 3);
    });

    test("layer by layer through two steps, and back: what is known is shown as it is, and nothing earlier", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        const [first, second] = steps as [ReferenceStep, ReferenceStep];
        const seen: string[] = [];
        for (const step of [first, second]) {
          for (let presses = 0; presses <= ends.update; presses++) {
            // The last place of a step is the one in front of the next.
            if (presses === 0 && step !== first) continue;
            if (presses > 0) await move(page, "Next layer");
            await expect.poll(() => place(page)).toMatch(presses > 0 ? /^(?!.*nothing is computed)/s : /step 1 begins/);
            await expectNetwork(page, step, presses);
            await expectCounters(page, step, presses === ends.update);
            seen.push(await everything(page));
          }
        }
        for (const text of seen.slice(ends.update + 1, -1).reverse()) await expectBack(page, text);
        // Where the second step begins, the first one has ended.
        await move(page, "Back one layer");
        expect(await place(page)).toContain("step 2 begins");
        for (const text of seen.slice(0, ends.update).reverse()) await expectBack(page, text);
        expect(await button(page, "Back one layer").isDisabled()).toBe(true);
      });
    });

    test("phase by phase: the four phases, one after the other", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        const [first] = steps as [ReferenceStep];
        await expectNetwork(page, first, 0);
        for (const phase of ["forward", "loss", "backward", "update"] as const) {
          await move(page, "Next phase");
          await expectNetwork(page, first, ends[phase]);
          const done = page.getByRole("button", { name: `${phase} 100% of it done` });
          expect(await done.count()).toBe(1);
        }
      });
    });

    test("operation by operation: each result is that of an operation of the trace, and each is shown once", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        const [first] = steps as [ReferenceStep];
        const { operations, parameters } = first.traced.trace;
        // Those that only arrange numbers have no moment of their own.
        const left = new Set(
          [...operations.keys()].filter((at) => {
            const { op, phase } = operations[at] as (typeof operations)[number];
            return phase !== "update" && !quiet.has(op);
          }),
        );
        const updated: string[] = [];
        const { length: samples } = first.batch.inputs;
        for (;;) {
          await move(page, "Next operation");
          const where = await place(page);
          const panel = details(page);
          if (/\nUpdate: /.test(where)) {
            const { path } = parameters[updated.length] as (typeof parameters)[number];
            await expectUpdateTable(page, first, path);
            updated.push(path);
            if (where.includes("the step is done")) break;
            continue;
          }
          const phase = /\nBackward: /.test(where) ? "backward" : "forward";
          const table = panel.getByRole("table");
          let data: number[];
          let shape: string;
          if ((await table.count()) === 0) {
            const [, given = "", value = ""] = /Result, (.*) = (.*)/.exec(await panel.innerText()) ?? [];
            [data, shape] = [[readNumber(value)], given];
          } else {
            const rows = (await cells(table)).slice(1).map((row) => row.slice(1).map(readNumber));
            const caption = await table.evaluate((element) => (element as HTMLTableElement).caption?.textContent ?? "");
            shape = caption.replace("Result, ", "");
            // Examples stand beside each other.
            const isTurned = shape.startsWith(`${samples} × `) || shape === String(samples);
            data = isTurned ? (rows[0] ?? []).flatMap((_, n) => rows.map((row) => row[n] as number)) : rows.flat();
          }
          const found = [...left].find((at) => {
            const operation = operations[at] as (typeof operations)[number];
            if (operation.phase !== phase || (operation.shape.join(" × ") || "1") !== shape) return false;
            return (
              operation.value?.kind === "elements" &&
              String(operation.value.data.map((x) => shownAs(x))) === String(data)
            );
          });
          expect([where, shape, data, found]).toEqual([where, shape, data, expect.any(Number)]);
          left.delete(found as number);
        }
        expect(updated).toEqual(parameters.map(({ path }) => path));
        expect([...left]).toEqual([]);
      });
    });

    test("the gradients that are shown are those of finite differences in float64", async () => {
      await site().with({ place: small.place }, async (page) => {
        await ready(page);
        const [first] = steps as [ReferenceStep];
        const slopes = differences(first);
        for (let i = 0; i < 3; i++) await move(page, "Next phase");
        for (const { path } of first.traced.trace.parameters) {
          await move(page, "Next operation");
          const rows = (await expectUpdateTable(page, first, path)).slice(1);
          const wanted = slopes.get(path) as number[];
          expect(rows).toHaveLength(wanted.length);
          rows.forEach(([, , gradient], i) => {
            const slope = wanted[i] as number;
            const error = Math.abs(readNumber(gradient as string) - slope);
            // Four digits are shown.
            expect([path, i, error < 6e-4 * Math.abs(slope) + 1e-7]).toEqual([path, i, true]);
          });
        }
      });
    });
  });
}
