/**
 * Threads: Web Workers, or worker threads in Node. This file alone knows the difference; nothing here knows what a
 * thread does. Floor: base.
 */

/** A thread as the one sees it that started it. */
export interface Thread {
  /** Sends a copy; the memory in `transfer` is handed over instead. */
  post(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
  /** Whether the program stays alive for it; at first it does not. A Web Worker ends with its page. */
  hold(isHeld: boolean): void;
  close(): void;
}

export interface ThreadEvents {
  readonly message: (message: unknown) => void;
  /** It has ended by itself, or could not start. */
  readonly died: (reason: string) => void;
}

/** The other end, inside of the thread. */
export interface ThreadPort {
  readonly post: (message: unknown, transfer?: readonly ArrayBufferLike[]) => void;
  readonly listen: (take: (message: unknown) => void) => void;
}

interface WebScope {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
}

export interface WebWorker extends WebScope {
  onerror: ((event: { readonly message?: string; preventDefault?(): void }) => void) | null;
  onmessageerror: (() => void) | null;
  terminate(): void;
}

export type WebWorkerClass = new (url: URL, options: { readonly type: "module" }) => WebWorker;

interface NodePort {
  on(event: "message", take: (message: unknown) => void): unknown;
  postMessage(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
}

interface NodeWorker extends NodePort {
  on(event: "message", take: (message: unknown) => void): unknown;
  on(event: "error" | "messageerror", take: (error: unknown) => void): unknown;
  on(event: "exit", take: (code: number) => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}

interface NodeThreads {
  readonly Worker: new (file: URL) => NodeWorker;
  readonly parentPort: NodePort | null;
}

interface NodeSystem {
  availableParallelism(): number;
}

interface Host {
  readonly Worker?: WebWorkerClass;
  readonly SharedArrayBuffer?: unknown;
  /** Of browsers alone: whether memory may be shared with threads. */
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly process?: {
    getBuiltinModule?(name: "node:worker_threads"): NodeThreads | undefined;
    getBuiltinModule?(name: "node:os"): NodeSystem | undefined;
  };
}

const host = (): Host => globalThis as Host;

/** Node's threads without an import that a bundler for browsers would follow. */
function nodeThreads(): NodeThreads | undefined {
  return host().process?.getBuiltinModule?.("node:worker_threads");
}

/** Cores that this program may use, as the host tells; 1 where it does not. */
export function coreCount(): number {
  const told =
    host().process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? host().navigator?.hardwareConcurrency;
  return told !== undefined && told >= 1 ? Math.floor(told) : 1;
}

/** Why threads cannot share memory here; undefined where they can. */
export function whyNotShared(): string | undefined {
  if (host().crossOriginIsolated === false) {
    return (
      "the page is not cross-origin isolated: send the headers Cross-Origin-Opener-Policy: same-origin and " +
      "Cross-Origin-Embedder-Policy: require-corp"
    );
  }
  if (host().SharedArrayBuffer === undefined) return "this host has no SharedArrayBuffer";
  if (host().Worker === undefined && nodeThreads() === undefined) return "this host has no threads";
  return undefined;
}

/**
 * Starts a thread: what `makeWeb` makes where there are Web Workers, else the module `file`. Bundlers find a worker's
 * module by the literal text `new Worker(new URL("./file.js", import.meta.url), { type: "module" })`, so the callers
 * write it.
 *
 * @throws whatever the host throws, and where it has no threads.
 */
export function startThread(file: URL, makeWeb: () => WebWorker, events: ThreadEvents): Thread {
  if (host().Worker !== undefined) return webThread(makeWeb(), events);
  const threads = nodeThreads();
  if (threads === undefined) throw new Error("this host has neither Web Workers nor worker threads");
  return nodeThread(new threads.Worker(file), events);
}

function webThread(worker: WebWorker, events: ThreadEvents): Thread {
  worker.onmessage = ({ data }) => events.message(data);
  worker.onmessageerror = () => events.died("a message could not be read");
  worker.onerror = (event) => {
    event.preventDefault?.();
    events.died(event.message ?? "its file could not be loaded");
  };
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    hold: () => undefined,
    close: () => worker.terminate(),
  };
}

function nodeThread(worker: NodeWorker, events: ThreadEvents): Thread {
  worker.on("message", events.message);
  worker.on("messageerror", (error) => events.died(textOf(error)));
  worker.on("error", (error) => events.died(textOf(error)));
  worker.on("exit", (code) => events.died(`exit code ${code}`));
  worker.unref();
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    close: () => void worker.terminate(),
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The way from inside of a thread to the one that started it. */
export function portOfThread(): ThreadPort {
  const port = nodeThreads()?.parentPort;
  if (port !== undefined && port !== null) {
    return {
      post: (message, transfer) => port.postMessage(message, transfer),
      listen: (take) => void port.on("message", take),
    };
  }
  const scope = globalThis as unknown as WebScope;
  return {
    post: (message, transfer) => scope.postMessage(message, transfer),
    listen: (take) => {
      scope.onmessage = ({ data }) => take(data);
    },
  };
}
