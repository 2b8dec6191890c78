import { type Signal, signal } from "@preact/signals";
import { afterEach, expect, test, vi } from "vitest";
import { diagramLayers, diagramPhase } from "../../site/src/playground/diagram-data.ts";
import { Room } from "../../site/src/playground/room.ts";
import type { ClientEvent } from "../../site/src/session/client.ts";
import type { NetworkConfig } from "../../site/src/session/config.ts";
import { SessionError } from "../../site/src/session/faults.ts";
import type { AsyncCalls } from "../../site/src/session/protocol.ts";
import { Session } from "../../site/src/session/session.ts";
import { type Choice, configOf } from "./session-support.ts";

const rooms: Room[] = [];

afterEach(async () => {
  for (const room of rooms.splice(0)) await room.stop();
});

/** A room that has built its network and shows the first step from its beginning. */
async function opened(choice: Choice = {}): Promise<{ room: Room; config: Signal<NetworkConfig> }> {
  const config = signal(configOf(choice));
  const room = new Room(config, (onEvent) => new Session({ onEvent }));
  rooms.push(room);
  await vi.waitFor(() => expect(room.step.value).toBeDefined());
  return { room, config };
}

function weights(room: Room): readonly number[] {
  const value = room.step.value?.traced.trace.parameters[0]?.before;
  if (value?.kind !== "elements") throw new Error("the weights were not kept");
  return value.data;
}

test("a new room shows the first step before anything is computed", async () => {
  const { room } = await opened();
  expect(room.at.value).toBe(0);
  expect(room.metrics.value?.step).toBe(0);
  expect(room.farthest.value).toBe(0);
  expect(room.maps.value?.output).toHaveLength(1600);
  expect(room.step.value?.reading?.layers).toHaveLength(room.info.value?.layers.length ?? 0);
  expect(room.curve.value.map(({ step }) => step)).toEqual([0]);
});

test("phases lead through a step and into the next one, and back the same way to the beginning", async () => {
  const { room } = await opened();
  const places = (): unknown => [room.metrics.value?.step, room.step.value?.before.step, room.at.value, weights(room)];
  const there = [places()];
  for (let i = 0; i < 6; i++) {
    await room.forward("phase");
    there.push(places());
  }
  expect(room.metrics.value?.step).toBe(1);
  expect(room.step.value?.before.step).toBe(1);
  const back = [places()];
  // The end of the first step is the beginning of the second one, which is passed by once.
  for (let i = 0; i < 6; i++) {
    await room.back("phase");
    back.push(places());
  }
  expect(room.at.value).toBe(0);
  expect(room.metrics.value?.step).toBe(0);
  const end = there[4];
  expect(back.reverse().filter((_, i) => i !== 4)).toEqual(there.filter((one) => one !== end));
  await room.back("phase");
  expect(room.at.value).toBe(0);
  expect(room.problem.value).toBeUndefined();
});

test("values and gradients come one by one: what is not there yet is undefined, and the loss is told at last", async () => {
  const { room } = await opened({ layers: [{ units: 3, activation: "relu", init: "default" }] });
  const names = { input: "in", output: "out", hidden: String, activation: String };
  const layers = () => diagramLayers(room.info.value as never, room.shown.value, room.maps.value, names);
  expect(layers()[0]?.units[0]?.value).toBeTypeOf("number");
  expect(layers()[1]?.units[0]?.value).toBeUndefined();
  await room.forward("layer");
  expect(layers()[1]?.units[0]?.value).toBeTypeOf("number");
  expect(layers()[2]?.units[0]?.value).toBeUndefined();
  await room.forward("phase");
  await room.forward("phase");
  expect(layers()[2]?.units[0]?.gradient).toBeUndefined();
  expect(layers()[2]?.gradients).toBeUndefined();
  // The loss, then the output.
  await room.forward("layer");
  await room.forward("layer");
  expect(layers()[2]?.units[0]?.gradient).toBeTypeOf("number");
  expect(layers()[2]?.gradients).toHaveLength(3);
  expect(layers()[1]?.gradients).toBeUndefined();
  const { timeline, at } = room.shown.value as NonNullable<typeof room.shown.value>;
  expect(diagramPhase(timeline, at, 2)).toEqual({ phase: "backward", layer: 2, done: [2] });
  const before = layers()[1]?.weights;
  await room.forward("phase");
  expect(layers()[1]?.weights).toEqual(before);
  await room.forward("phase");
  expect(layers()[1]?.weights).not.toEqual(before);
});

test("steps at full speed, and the way back through the run: what was is not forgotten by looking at it", async () => {
  const { room } = await opened();
  await room.advance(40);
  expect(room.metrics.value?.step).toBe(40);
  const after = weights(room);
  await room.goTo(12);
  expect([room.metrics.value?.step, room.farthest.value, room.at.value]).toEqual([12, 40, 0]);
  expect(weights(room)).not.toEqual(after);
  await room.forward("phase");
  await room.back("phase");
  await room.back("phase");
  expect(room.step.value?.before.step).toBe(11);
  await room.goTo(40);
  expect(weights(room)).toEqual(after);
  // Training from an earlier place makes another end of the run.
  await room.goTo(12);
  await room.advance(5);
  expect([room.metrics.value?.step, room.farthest.value]).toEqual([17, 17]);
  expect(room.curve.value.every(({ step }) => step <= 17)).toBe(true);
});

test("a run goes on until it is stopped, and then shows the next step", async () => {
  const { room } = await opened();
  await room.run();
  expect(room.isRunning.value).toBe(true);
  expect(room.step.value).toBeUndefined();
  await vi.waitFor(() => expect(room.metrics.value?.step).toBeGreaterThan(50));
  await room.stop();
  expect(room.isRunning.value).toBe(false);
  expect(room.at.value).toBe(0);
  expect(room.step.value?.before.step).toBe(room.farthest.value);
  expect(room.stepsPerSecond.value).toBeGreaterThan(0);
});

test("a change is tried before it is made, at the place that is shown", async () => {
  const { room } = await opened();
  const first = weights(room);
  const change = { parameter: { path: "0.weight", index: [0, 1], value: 2 } };
  await room.forward("phase");
  const place = room.at.value;
  await room.tryChange(change);
  expect(room.tried.value?.change).toBe(change);
  expect(room.tried.value?.consequence.with).not.toEqual(room.tried.value?.consequence.without);
  expect(weights(room)).toEqual(first);
  await room.change(change);
  expect(weights(room)).toEqual(first.with(1, 2));
  expect([room.at.value, room.step.value?.before.step]).toEqual([place, 0]);
  // Behind the update it is the network of then.
  for (let i = 0; i < 3; i++) await room.forward("phase");
  expect(room.isAtEnd.value).toBe(true);
  await room.change({ parameter: { path: "0.weight", index: [0, 1], value: 3 } });
  expect(weights(room)[1]).toBe(3);
  expect(room.step.value?.before.step).toBe(1);
});

test("an input and a target of the example are changed in the step that is shown", async () => {
  const { room } = await opened();
  await room.forward("phase");
  await room.change({ example: { at: 2, input: [1, 0.125] } });
  const reading = room.step.value?.reading;
  const value = reading?.trace.operations[reading.layers[0]?.input ?? -1]?.value;
  expect(value?.kind === "elements" && value.data[5]).toBe(0.125);
  expect(room.step.value?.before.step).toBe(0);
});

test("a rate is changed in the network that there is, all else builds another one", async () => {
  const { room, config } = await opened();
  await room.advance(10);
  const now = config.value;
  config.value = { ...now, optimizer: { ...now.optimizer, lr: 0.5 } };
  await vi.waitFor(() => expect(room.step.value?.traced.trace.parameters[0]?.settings["lr"]).toBe(0.5));
  expect(room.metrics.value?.step).toBe(10);
  config.value = { ...config.value, seed: 9 };
  await vi.waitFor(() => expect(room.metrics.value?.step).toBe(0));
});

test("why a weight has its gradient is told for the step that is shown", async () => {
  const { room } = await opened();
  await room.advance(3);
  await room.explain({ layer: 0, unit: 1, input: 0 });
  const { path, index, gradient } = room.explanation.value as NonNullable<typeof room.explanation.value>;
  const { trace } = (room.step.value as NonNullable<typeof room.step.value>).traced;
  const of = trace.operations[trace.parameters[0]?.gradient as number]?.value;
  expect([path, index]).toEqual(["0.weight", [1, 0]]);
  expect(of?.kind === "elements" && of.data[2]).toBeCloseTo(gradient, 6);
});

test("a run that diverges ends, and the step that made the first infinity is shown", async () => {
  const { room } = await opened({
    data: { kind: "wave", noise: 0 },
    loss: "mse",
    layers: [{ units: 8, activation: "relu", init: "default" }],
    optimizer: { name: "sgd", lr: 100, momentum: 0, weightDecay: 0 },
  });
  await room.run();
  await vi.waitFor(() => expect(room.step.value?.traced.findings[0]?.kind).toBe("nonFinite"), 5000);
  expect(room.isRunning.value).toBe(false);
  expect(room.diverged.value?.step).toBeGreaterThan(0);
  await room.goTo(0);
  expect(room.step.value?.traced.findings.some(({ kind }) => kind === "nonFinite")).toBe(false);
});

test("what cannot be built is told, and the next choice is taken", async () => {
  const { room, config } = await opened();
  const good = config.value;
  config.value = { ...good, data: { ...good.data, kind: "csv", csv: "a,b\n1,2\n" } };
  await vi.waitFor(() => expect(room.problem.value).toBeInstanceOf(SessionError));
  expect([room.info.value, room.step.value]).toEqual([undefined, undefined]);
  config.value = good;
  await vi.waitFor(() => expect(room.step.value).toBeDefined());
  expect(room.problem.value).toBeUndefined();
});

test("a worker that has died is told, and its successor is shown from the first step", async () => {
  let tell: (event: ClientEvent) => void = () => undefined;
  let session: AsyncCalls | undefined;
  const room = new Room(signal(configOf({})), (onEvent) => {
    tell = onEvent;
    session = new Session({ onEvent });
    return session;
  });
  rooms.push(room);
  await vi.waitFor(() => expect(room.step.value).toBeDefined());
  await room.advance(5);
  tell({ kind: "died", reason: "killed", isOver: false });
  expect(room.died.value).toBe("again");
  const info = await (session as AsyncCalls).build(configOf({}));
  tell({ kind: "restarted", info });
  await vi.waitFor(() => expect(room.metrics.value?.step).toBe(0));
  await room.forward("phase");
  expect(room.problem.value).toBeUndefined();
});
