/** Asks a server of runs as the page does. */
import { type IncomingHttpHeaders, request } from "node:http";
import type { RunList } from "../../src/inspect/index.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request as it is written here: `fetch` would tidy up the path, and sets the host itself. */
export function ask(
  url: string,
  path: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((done, fail) => {
    const asked = request(
      { host: hostname.replace(/^\[(.*)\]$/, "$1"), port, path, agent: false, ...options },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        answer
          .on("end", () => done({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
          .on("error", fail);
      },
    );
    asked.on("error", fail).end();
  });
}

/** The path of a question below the secret one. */
export function pathOf(url: string, question: string, query: Readonly<Record<string, string | number>> = {}): string {
  const { pathname } = new URL(url);
  const texts = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return `${pathname}${question}${texts.length === 0 ? "" : `?${new URLSearchParams(texts).toString()}`}`;
}

/** The lists that a server tells, as they come. */
export async function* listsOf(url: string): AsyncGenerator<RunList> {
  const answer = await fetch(new URL("api/events", url));
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const data = /^event: runs\ndata: (.*)$/.exec(event)?.[1];
        if (data !== undefined) yield JSON.parse(data) as RunList;
      }
    }
  } finally {
    await reader.cancel();
  }
}

/** Keeps the text of a growing file, reading only what is new of it. */
export class Follower {
  readonly #url: string;
  readonly #run: string;
  readonly #name: string;
  #bytes: Buffer = Buffer.alloc(0);
  #revision = "";
  /** How often it began anew. */
  restarts = 0;

  constructor(url: string, run: string, name: string) {
    this.#url = url;
    this.#run = run;
    this.#name = name;
  }

  get text(): string {
    return this.#bytes.toString();
  }

  async follow({ runs }: RunList): Promise<void> {
    const file = runs.find(({ path }) => path === this.#run)?.files[this.#name];
    if (file === undefined) return;
    if (file.revision !== this.#revision) {
      if (this.#revision !== "") this.restarts++;
      this.#bytes = Buffer.alloc(0);
      this.#revision = file.revision;
    }
    if (file.bytes <= this.#bytes.length) return;
    const query = { run: this.#run, name: this.#name, from: this.#bytes.length };
    const answer = await fetch(new URL(pathOf(this.#url, "api/file", query), this.#url));
    // Another one by now: the next list says so.
    if (!answer.ok || answer.headers.get("x-revision") !== this.#revision) return;
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(await answer.arrayBuffer())]);
  }
}
