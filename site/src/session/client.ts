/**
 * The page's side: calls as promises, events, and another worker where one has died. A worker that no longer answers counts
 * as dead, as nobody is told of one that the browser has ended.
 */
import type { WeightExplanation } from "twopass/inspect";
import type { NetworkConfig } from "./config.ts";
import type { DigitSet } from "./digit-data.ts";
import { SessionError } from "./faults.ts";
import type {
  AsyncCalls,
  CallName,
  Change,
  Consequence,
  FromPage,
  FromWorker,
  Maps,
  Metrics,
  Request,
  SessionEvent,
  SessionInfo,
  TracedStep,
} from "./protocol.ts";
import { type PortEvents, type WorkerPort, startWorker } from "../worker/start.ts";

export type SessionPort = WorkerPort<FromPage>;
export type StartPort = (events: PortEvents<FromWorker>) => SessionPort;

export type ClientEvent =
  | SessionEvent
  /** The worker has died; calls under way have failed. Where `isOver` there will be no other one. */
  | { readonly kind: "died"; readonly reason: string; readonly isOver: boolean }
  /** Another worker has built the last network again, from its first step. */
  | { readonly kind: "restarted"; readonly info: SessionInfo };

export interface ClientOptions {
  readonly onEvent?: (event: ClientEvent) => void;
  /** Fetches the digits that come with the page; called once, when a network first needs them. */
  readonly digits?: () => Promise<DigitSet>;
  /** Default: the worker of the page. */
  readonly start?: StartPort;
  /** Milliseconds between two questions whether the worker lives, while something is expected of it; default 3000. */
  readonly interval?: number;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const startSession: StartPort = (events) => startWorker("session", events);

/** Questions without an answer after which a worker counts as dead. */
const mostSilent = 4;

export class SessionClient implements AsyncCalls {
  readonly #options: ClientOptions;
  readonly #waiting = new Map<number, Waiting>();
  #port: SessionPort | undefined;
  #id = 0;
  #hasAnswered = false;
  #isRunning = false;
  #isOver = false;
  #config: NetworkConfig | undefined;
  #digits: Promise<DigitSet> | undefined;
  #hasDigits = false;
  #silent = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  async build(config: NetworkConfig): Promise<SessionInfo> {
    this.#isRunning = false;
    if (config.data.kind === "digits") await this.#bringDigits();
    const info = await this.#call("build", config);
    this.#config = config;
    return info;
  }

  run(): Promise<void> {
    this.#isRunning = true;
    return this.#call("run");
  }

  stop(): Promise<Metrics> {
    this.#isRunning = false;
    return this.#call("stop");
  }

  advance(steps: number): Promise<Metrics> {
    return this.#call("advance", steps);
  }

  traceStep(): Promise<TracedStep> {
    return this.#call("traceStep");
  }

  back(): Promise<TracedStep | undefined> {
    return this.#call("back");
  }

  goTo(step: number): Promise<Metrics> {
    return this.#call("goTo", step);
  }

  metrics(): Promise<Metrics> {
    return this.#call("metrics");
  }

  maps(resolution: number): Promise<Maps | undefined> {
    return this.#call("maps", resolution);
  }

  curve(): Promise<readonly Metrics[]> {
    return this.#call("curve");
  }

  explain(path: string, index: readonly number[]): Promise<WeightExplanation> {
    return this.#call("explain", path, index);
  }

  consequence(change: Change, steps: number): Promise<Consequence> {
    return this.#call("consequence", change, steps);
  }

  change(change: Change): Promise<Metrics> {
    return this.#call("change", change);
  }

  batch(): ReturnType<AsyncCalls["batch"]> {
    return this.#call("batch");
  }

  predict(input: readonly number[]): Promise<readonly number[]> {
    return this.#call("predict", input);
  }

  write(start: string, length: number): Promise<string> {
    return this.#call("write", start, length);
  }

  /** Ends the worker; calls under way fail. */
  terminate(): void {
    this.#isOver = true;
    this.#end("it was ended");
  }

  #call<N extends CallName>(call: N, ...args: Parameters<AsyncCalls[N]>): ReturnType<AsyncCalls[N]> {
    const done = new Promise<unknown>((resolve, reject) => {
      if (this.#isOver) throw new SessionError("The worker has ended: load the page again.");
      this.#port ??= this.#start();
      const id = ++this.#id;
      this.#waiting.set(id, { resolve, reject });
      this.#port.post({ id, call, args } as Request);
      this.#watch();
    });
    return done as ReturnType<AsyncCalls[N]>;
  }

  #start(): SessionPort {
    this.#hasAnswered = false;
    this.#hasDigits = false;
    this.#silent = 0;
    const port: SessionPort = (this.#options.start ?? startSession)({
      message: (message) => {
        if (this.#port === port) this.#take(message);
      },
      failed: (reason) => {
        if (this.#port === port) this.#died(reason);
      },
    });
    return port;
  }

  #take(message: FromWorker): void {
    this.#silent = 0;
    this.#hasAnswered = true;
    if ("event" in message) {
      if (message.event.kind !== "metrics") this.#isRunning = false;
      this.#options.onEvent?.(message.event);
    } else if ("id" in message) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!("error" in message)) waiting?.resolve(message.result);
      else waiting?.reject(new SessionError(message.error.message, message.error.code, message.error.values));
    }
  }

  async #bringDigits(): Promise<void> {
    const fetchDigits = this.#options.digits;
    if (fetchDigits === undefined) return;
    // What could not be fetched may be there the next time.
    this.#digits ??= fetchDigits().catch((error: unknown) => {
      this.#digits = undefined;
      throw error;
    });
    const digits = await this.#digits;
    if (this.#isOver) return;
    this.#port ??= this.#start();
    if (!this.#hasDigits) this.#port.post({ digits });
    this.#hasDigits = true;
  }

  /** Asks now and then, as long as something is expected. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#port === undefined || (this.#waiting.size === 0 && !this.#isRunning)) return;
      if (++this.#silent > mostSilent) this.#died("it does not answer any more");
      else {
        this.#port.post({ ping: this.#silent });
        this.#watch();
      }
    }, this.#options.interval ?? 3000);
  }

  /** One that has never answered could not start: another one could not either. */
  #died(reason: string): void {
    const isOver = !this.#hasAnswered;
    this.#isOver = isOver;
    this.#end(reason);
    this.#options.onEvent?.({ kind: "died", reason, isOver });
    const config = this.#config;
    if (isOver || config === undefined) return;
    this.build(config).then(
      (info) => this.#options.onEvent?.({ kind: "restarted", info }),
      // A worker that dies again tells so itself.
      () => undefined,
    );
  }

  #end(reason: string): void {
    this.#port?.close();
    this.#port = undefined;
    this.#isRunning = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new SessionError(`The worker has ended: ${reason}.`));
  }
}
