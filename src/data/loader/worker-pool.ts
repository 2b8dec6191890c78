/** Threads that make a loader's batches. Floor: data. */
import { TwopassError } from "../../base/errors.ts";
import { type Thread, type WebWorkerClass, startThread } from "../../base/thread.ts";
import type { Job } from "../datasets/example.ts";
import { type Reply, type Request, type Start, errorOf } from "./worker-messages.ts";

interface Member {
  readonly thread: Thread;
  /** What it has been asked for, by number. */
  readonly asked: Map<number, Asked>;
  /** Why it ended, where it did. */
  end?: string;
}

interface Asked {
  readonly job: Job;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

// The global itself: bundlers look for its name.
declare const Worker: WebWorkerClass;

/** Address of this module. A build has its files under other names than the sources. */
const here = import.meta.url;
const entry = new URL(here.endsWith(".ts") ? "./worker-entry.ts" : "./worker-entry.js", here);

/** Some threads with the same data set. A job goes to the one that has the fewest. */
export class WorkerPool {
  readonly #members: readonly Member[];
  #nextId = 0;
  #isClosed = false;

  /** @throws TwopassError where threads cannot be started here. */
  constructor(count: number, start: Start) {
    try {
      this.#members = Array.from({ length: count }, () => this.#start(start));
    } catch (error) {
      const facts = error instanceof Error ? error.message : String(error);
      throw new TwopassError({ op: "DataLoader", problem: "a worker could not be started", facts, cause: error });
    }
  }

  /** What a thread made of a job. @throws what failed there, and where the thread ends before it answers. */
  run(job: Job): Promise<Reply> {
    const member = this.#members.reduce((a, b) => (b.asked.size < a.asked.size ? b : a));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      member.asked.set(id, { job, resolve, reject });
      if (member.end !== undefined) return fail(member, member.end);
      member.thread.hold(true);
      // A copy: a view of the order would take all of it along.
      const own = { ...job, indices: Int32Array.from(job.indices) };
      member.thread.post({ kind: "job", id, job: own } satisfies Request);
    });
  }

  /** Ends the threads; what they have not answered is an error. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const member of this.#members) {
      member.thread.close();
      fail(member, "the loader was closed");
    }
  }

  #start(start: Start): Member {
    const asked = new Map<number, Asked>();
    const thread = startThread(
      entry,
      () => new Worker(new URL("./worker-entry.js", import.meta.url), { type: "module" }),
      {
        message: (message) => {
          const reply = message as Reply;
          const waiting = asked.get(reply.id);
          asked.delete(reply.id);
          if (asked.size === 0) thread.hold(false);
          if ("error" in reply) waiting?.reject(errorOf(reply.error));
          else waiting?.resolve(reply);
        },
        died: (reason) => fail(member, reason),
      },
    );
    const member: Member = { thread, asked };
    thread.post({ kind: "start", start } satisfies Request);
    return member;
  }
}

/** A thread has ended, or will in a moment: nobody waits for it any more. */
function fail(member: Member, reason: string): void {
  const { asked } = member;
  member.end ??= reason;
  const waiting = [...asked.values()];
  asked.clear();
  for (const { job, reject } of waiting) {
    const indices = Array.from(job.indices);
    const shown = indices.length > 8 ? `${indices.slice(0, 8).join(", ")}, ...` : indices.join(", ");
    reject(
      new TwopassError({
        op: "DataLoader",
        problem: "a worker ended before it gave its batch",
        facts: `${reason}; asked for the examples ${shown}`,
      }),
    );
  }
}
