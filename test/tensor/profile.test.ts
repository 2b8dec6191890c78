import { beforeEach, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { ones, zeros } from "../../src/tensor/creation.ts";
import { profile } from "../../src/tensor/profile.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import { onEachDevice } from "../devices.ts";

onEachDevice((device) => {
  let model: nn.Sequential;
  let optimizer: SGD;
  const make = (): void => {
    manualSeed(1);
    model = new nn.Sequential(new nn.Linear(6, 5), new nn.Tanh(), new nn.Linear(5, 1));
    optimizer = new SGD(model.parameters(), { lr: 0.1 });
  };
  beforeEach(make);
  const step = async (): Promise<number> => {
    const loss = model.forward(ones(4, 6)).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.item();
  };

  test("a profile has the kernels of each layer and phase, and changes no number", async () => {
    const losses = [await step(), await step()];
    make();
    const { result, rows, runs, kernelTime, totalTime } = await profile(async () => [await step(), await step()]);
    expect(result).toEqual(losses);
    expect(new Set(rows.map((row) => row.phase))).toEqual(new Set(["forward", "backward", "update"]));
    expect(rows.reduce((sum, row) => sum + row.calls, 0)).toBe(runs.length);
    expect(rows.reduce((sum, row) => sum + row.share, 0)).toBeCloseTo(1, 6);
    expect(kernelTime).toBeLessThanOrEqual(totalTime);
    expect(runs.every((run) => run.device === device && run.milliseconds >= 0)).toBe(true);
    expect(rows.some((row) => row.phase === "backward" && row.label.startsWith("2: "))).toBe(true);
    if (device === "js") return;
    const product = runs.find((run) => run.kind === "contract" && run.phase === 0);
    expect(product?.operations).toBe(2 * 4 * 6 * 5);
    // Operands of 4 × 6 and 6 × 5 and the result of 4 × 5.
    expect(product?.bytes).toBe(4 * (24 + 30 + 20));
  });

  test("its table and trace hold the same", async () => {
    const { rows, runs, table, chromeTrace } = await profile(step);
    const lines = table(2).split("\n");
    expect(lines).toHaveLength(rows.length > 2 ? 5 : rows.length + 2);
    expect(lines[1]).toContain(rows[0]?.label);
    const { traceEvents } = JSON.parse(chromeTrace()) as { traceEvents: Record<string, unknown>[] };
    expect(traceEvents).toHaveLength(runs.length);
    expect(traceEvents.every((event) => event["ph"] === "X" && Number(event["dur"]) >= 0)).toBe(true);
  });
});

test("one profile at a time, and none is left behind by an error", async () => {
  let inner: Promise<unknown> = Promise.resolve();
  await profile(() => {
    inner = profile(() => 1);
    return inner.catch(() => 2);
  });
  await expect(inner).rejects.toThrow(/^profile: another profile is going on/);
  await expect(profile(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  const { rows } = await profile(() => zeros(3).add(1).array());
  expect(rows.length).toBeGreaterThan(0);
});
