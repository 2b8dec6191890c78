import { afterEach, expect, test, vi } from "vitest";
import { type ClientEvent, SessionClient, type StartPort } from "../../site/src/session/client.ts";
import type { DigitSet } from "../../site/src/session/digit-data.ts";
import type { FromPage, FromWorker } from "../../site/src/session/protocol.ts";
import { serve } from "../../site/src/session/serve.ts";
import type { PortEvents } from "../../site/src/worker/start.ts";
import { configOf } from "./session-support.ts";

const clients: SessionClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.terminate();
  vi.useRealTimers();
});

/** Workers in this thread: messages are copied and come later, as between threads. */
function workers() {
  const started: { readonly events: PortEvents<FromWorker>; isDead: boolean; readonly got: FromPage[] }[] = [];
  const start: StartPort = (events) => {
    const worker = { events, isDead: false, got: [] as FromPage[] };
    started.push(worker);
    const pass = (copy: () => void): void => queueMicrotask(() => worker.isDead || copy());
    const take = serve((message: FromWorker) => {
      const copy = structuredClone(message);
      pass(() => events.message(copy));
    });
    return {
      post: (message) => {
        const copy = structuredClone(message);
        worker.got.push(copy);
        pass(() => take(copy));
      },
      close: () => {
        worker.isDead = true;
      },
    };
  };
  return { started, start };
}

function clientOf(options: Partial<ConstructorParameters<typeof SessionClient>[0]> = {}) {
  const { started, start } = workers();
  const events: ClientEvent[] = [];
  const client = new SessionClient({ start, onEvent: (event) => events.push(event), ...options });
  clients.push(client);
  return { client, events, started };
}

test("calls go to the worker and come back, in order", async () => {
  const { client, started } = clientOf();
  expect(started).toHaveLength(0);
  const [info, metrics, step] = await Promise.all([client.build(configOf({})), client.advance(3), client.traceStep()]);
  expect(info.parameters).toBe(105);
  expect(metrics.step).toBe(3);
  expect(step.metrics.step).toBe(4);
  expect((await client.maps(4))?.output).toBeInstanceOf(Float32Array);
  expect((await client.back())?.metrics.step).toBe(3);
  expect(started).toHaveLength(1);
});

test("an error is a message with a code and values, and the worker goes on", async () => {
  const { client } = clientOf();
  await expect(client.advance(1)).rejects.toMatchObject({ name: "SessionError", code: "notBuilt" });
  await expect(client.build(configOf({ data: { kind: "text", text: "aaaa" } }))).rejects.toMatchObject({
    code: "oneLetter",
    values: { name: "a" },
    message: expect.stringContaining("one letter only, a"),
  });
  await client.build(configOf({}));
  expect((await client.advance(2)).step).toBe(2);
});

test("a run tells its metrics, and that it has diverged", async () => {
  const { client, events } = clientOf();
  await client.build(
    configOf({
      data: { kind: "wave" },
      loss: "mse",
      optimizer: { name: "sgd", lr: 10, momentum: 0, weightDecay: 0 },
      layers: [{ units: 8, activation: "relu", init: "default" }],
    }),
  );
  await client.run();
  await vi.waitFor(() => expect(events.map(({ kind }) => kind)).toContain("diverged"), 10_000);
});

test("digits are fetched once, when they are needed, and each worker gets them", async () => {
  const labels = Uint8Array.from({ length: 20 }, (_, i) => i % 10);
  const digits = vi.fn<() => Promise<DigitSet>>(async () => ({ images: new Uint8Array(20 * 784), labels }));
  const { client, started, events } = clientOf({ digits });
  await client.build(configOf({}));
  expect(digits).not.toHaveBeenCalled();
  const config = configOf({ data: { kind: "digits" } });
  expect((await client.build(config)).trainSize).toBe(10);
  await client.build(config);
  expect(digits).toHaveBeenCalledTimes(1);
  expect(started[0]?.got.filter((message) => "digits" in message)).toHaveLength(1);
  started[0]?.events.failed("out of memory");
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ kind: "restarted", info: { trainSize: 10 } }));
  expect(digits).toHaveBeenCalledTimes(1);
});

test("digits that cannot be fetched are an error of that call, and are fetched again", async () => {
  const digits = vi.fn<() => Promise<DigitSet>>(async () => Promise.reject(new Error("not there")));
  const { client } = clientOf({ digits });
  await expect(client.build(configOf({ data: { kind: "digits" } }))).rejects.toThrow("not there");
  await expect(client.build(configOf({ data: { kind: "digits" } }))).rejects.toThrow("not there");
  expect(digits).toHaveBeenCalledTimes(2);
  expect((await client.build(configOf({}))).trainSize).toBe(100);
});

test("a worker that dies: calls fail, it is told, and another one builds the network again", async () => {
  const { client, events, started } = clientOf();
  await client.build(configOf({}));
  await client.advance(10);
  const open = client.advance(100_000);
  started[0]?.events.failed("out of memory");
  await expect(open).rejects.toThrow("The worker has ended: out of memory.");
  await vi.waitFor(() => expect(events.at(-1)?.kind).toBe("restarted"));
  expect(events.filter(({ kind }) => kind !== "metrics")).toMatchObject([
    { kind: "died", reason: "out of memory", isOver: false },
    { kind: "restarted", info: { parameters: 105 } },
  ]);
  expect(started[0]?.isDead).toBe(true);
  expect((await client.metrics()).step).toBe(0);
});

test("a worker that is silently gone is noticed while something is expected of it", async () => {
  const { client, events, started } = clientOf({ interval: 10 });
  await client.build(configOf({}));
  await client.run();
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(events.map(({ kind }) => kind)).not.toContain("died");
  if (started[0] !== undefined) started[0].isDead = true;
  await vi.waitFor(() => expect(events.at(-1)?.kind).toBe("restarted"), 10_000);
  expect(started).toHaveLength(2);
});

test("a worker that cannot start is not started again", async () => {
  const { client, events, started } = clientOf();
  const open = client.build(configOf({}));
  started[0]?.events.failed("not found");
  await expect(open).rejects.toThrow("not found");
  expect(events).toEqual([{ kind: "died", reason: "not found", isOver: true }]);
  await expect(client.build(configOf({}))).rejects.toThrow("load the page again");
  expect(started).toHaveLength(1);
});

test("after terminate() calls fail and nothing is started", async () => {
  const { client, started, events } = clientOf();
  await client.build(configOf({}));
  const open = client.advance(100_000);
  client.terminate();
  await expect(open).rejects.toThrow("it was ended");
  await expect(client.metrics()).rejects.toThrow("has ended");
  expect(started).toHaveLength(1);
  expect(events.filter(({ kind }) => kind === "died")).toEqual([]);
});
