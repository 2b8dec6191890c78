/** Rule 8 of the run contract: scopes take synchronous functions, and end whatever happens. */
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { mode } from "../../src/ir/mode.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine, defaultDevice, withDevice } from "../../src/tensor/engines.ts";
import { enableGrad, noGrad } from "../../src/tensor/scope.ts";
import { onEachDevice } from "../devices.ts";
import { parameter } from "./support.ts";

onEachDevice((device) => {
  const scopes: readonly (readonly [string, (body: () => unknown) => unknown])[] = [
    ["noGrad", noGrad],
    ["enableGrad", enableGrad],
    ["withDevice", (body) => withDevice("js", body)],
  ];

  test.each(scopes)("%s throws where the function is async, and is over then", (name, run) => {
    expect(() => run(async () => 1)).toThrow(new RegExp(`^${name}: takes a synchronous function`));
    // Promises of other libraries and of other realms are no Promise of this one.
    const foreign: object = runInNewContext("Promise.resolve(1)");
    expect(foreign).not.toBeInstanceOf(Promise);
    expect(() => run(() => foreign)).toThrow(/synchronous/);
    expect(mode.grad).toBe(true);
    expect(defaultDevice()).toBe(device);
  });

  test.each(scopes)("%s is over after an error", (_, run) => {
    expect(() =>
      run(() => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    expect(mode.grad).toBe(true);
    expect(defaultDevice()).toBe(device);
  });

  test.each(scopes)("%s takes a function only", (name, run) => {
    expect(() => run(5 as unknown as () => void)).toThrow(new RegExp(`^${name}: takes a function`));
    expect(run(() => "result")).toBe("result");
  });

  test("a rejected promise in a scope is not left unhandled", async () => {
    expect(() => noGrad(() => Promise.reject(new Error("mine")))).toThrow(/synchronous/);
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  test("noGrad and enableGrad nest", () => {
    const w = parameter([1]);
    noGrad(() => {
      expect(w.mul(2).requiresGrad).toBe(false);
      enableGrad(() => expect(w.mul(2).requiresGrad).toBe(true));
      expect(w.mul(2).requiresGrad).toBe(false);
    });
    expect(w.mul(2).requiresGrad).toBe(true);
  });

  test("new work goes to the device of the scope", async () => {
    const y = withDevice("js", () => tensor([1, 2]).add(1));
    expect(y.device).toBe("js");
    expect(tensor([1]).add(1).device).toBe(device);
    expect(await y.array()).toEqual([2, 3]);
    expect(currentEngine().device.name).toBe(device);
  });

  test("an unknown device has a hint", () => {
    expect(() => withDevice("wsam" as "wasm", () => 1)).toThrow(/^device: unknown device "wsam" \(did you mean "wasm"/);
  });
});
