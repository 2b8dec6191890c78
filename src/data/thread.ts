/** Threads: worker threads in Node, Web Workers elsewhere. This file alone knows the difference. Floor: data. */

/** A thread as the one sees it that started it. */
export interface Thread {
  post(message: unknown): void;
  /** Whether the program stays alive for it. Web Workers end with their page. */
  hold(isHeld: boolean): void;
  close(): void;
}

/** What a thread tells the one that started it. */
export interface ThreadEvents {
  readonly message: (message: unknown) => void;
  /** It ended by itself, or could not start. */
  readonly died: (reason: string) => void;
}

/** The other end, inside the thread. */
export interface Port {
  post(message: unknown, transfer: readonly ArrayBufferLike[]): void;
  listen(take: (message: unknown) => void): void;
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

interface NodePort {
  on(event: "message", take: (message: unknown) => void): unknown;
  postMessage(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
}

interface NodeWorker extends NodePort {
  on(event: "message", take: (message: unknown) => void): unknown;
  on(event: "error" | "messageerror", take: (error: Error) => void): unknown;
  on(event: "exit", take: (code: number) => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}

interface NodeThreads {
  readonly Worker: new (url: URL) => NodeWorker;
  readonly parentPort: NodePort | null;
}

/** The class of Web Workers: its name in a `new` expression is how bundlers find the file of a worker. */
export type WebWorkerClass = new (url: URL, options: { readonly type: "module" }) => WebWorker;

interface Host {
  readonly Worker?: WebWorkerClass;
  readonly process?: { getBuiltinModule?(name: "node:worker_threads"): NodeThreads | undefined };
}

function nodeThreads(): NodeThreads | undefined {
  return (globalThis as Host).process?.getBuiltinModule?.("node:worker_threads");
}

/**
 * Starts a thread: `file` in Node, what `make` makes elsewhere. It does not keep the program alive until it is held.
 *
 * @throws whatever the host throws where it has no threads.
 */
export function startThread(file: URL, make: (Worker: WebWorkerClass) => WebWorker, events: ThreadEvents): Thread {
  const { Worker } = globalThis as Host;
  if (Worker !== undefined) return webThread(make(Worker), events);
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
  return { post: (message) => worker.postMessage(message), hold: () => undefined, close: () => worker.terminate() };
}

function nodeThread(worker: NodeWorker, events: ThreadEvents): Thread {
  worker.on("message", events.message);
  worker.on("messageerror", (error) => events.died(error.message));
  worker.on("error", (error) => events.died(error instanceof Error ? error.message : String(error)));
  worker.on("exit", (code) => events.died(`exit code ${code}`));
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    close: () => void worker.terminate(),
  };
}

/** The port to the one that started this thread. */
export function portOfThread(): Port {
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
