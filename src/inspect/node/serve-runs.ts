/** A server on this machine that shows the runs of a folder in the page, also while they grow. Floor: inspect; Node only. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { Server } from "node:http";
import { TwopassError, checkOptions, describe, internal } from "../../base/errors.ts";
import { inAddress } from "./server/own-names.ts";
import { listen } from "./server/listen.ts";
import { pageFolder } from "./server/page-files.ts";
import { RunCatalog } from "./server/run-catalog.ts";
import { RunNews } from "./server/run-news.ts";

export interface ServeRunsOptions {
  /** Default 6464, or one of the next 20 where that is taken. 0 is any that is free. */
  readonly port?: number;
  /** Where it listens. Default "127.0.0.1": only programs of this machine reach it. "0.0.0.0" is all networks. */
  readonly host?: string;
  /** The folder of the built page. Default: the one that comes with this package. `false`: no page, only its data. */
  readonly page?: string | false;
}

/** A server that runs. */
export interface RunServer {
  /** What a browser opens. It holds a secret: whoever knows it sees the runs. */
  readonly url: string;
  readonly port: number;
  /** Ends it, with all that is being sent. */
  close(): Promise<void>;
}

const op = "serveRuns";

/**
 * Serves the runs of a folder and of those below it: `url` opens the page, which shows them and goes on while they grow. It
 * only reads. `npx twopass inspect` is this as a command.
 *
 * Everything lies below a random path, so other programs and pages find nothing. Links in the folder are not followed.
 *
 * @param folder that of a run, or one with runs in it. It may be made later.
 * @throws where the port is taken, where the folder is a file, and where there is no page.
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, new RunFolder("served/first"));
 * await trainer.fit(loader);
 * const server = await serveRuns("served", { port: 0, page: false });
 * const answer = await fetch(new URL("api/runs", server.url));
 * (await answer.text()).includes('"path":"first","info":{"format":"twopass-run"'); // true
 * await server.close();
 */
export async function serveRuns(folder: string, options: ServeRunsOptions = {}): Promise<RunServer> {
  checkOptions(op, options, ["port", "host", "page"]);
  const { port, host = "127.0.0.1", page } = options;
  if (typeof folder !== "string" || folder === "") throw wrong("takes the path of a folder", folder);
  if (typeof host !== "string" || host === "") throw wrong("host must be a name or an address", host);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw wrong("port must be a whole number from 0 to 65535", port);
  }
  if ((await stat(folder).catch(() => undefined))?.isDirectory() === false) {
    throw new TwopassError({
      op,
      problem: "this is a file, not a folder",
      facts: JSON.stringify(folder),
      hint: "give a folder of runs; the file of a trace is dropped on the page",
    });
  }
  const files = page === false ? undefined : pageFolder(op, page);
  // They take as long to load as all else, and most programs that write runs serve none.
  const [{ runsApp }, { createAdaptorServer }] = await Promise.all([
    import("./server/app.ts"),
    import("@hono/node-server"),
  ]);
  const catalog = new RunCatalog(folder);
  const token = randomBytes(16).toString("base64url");
  const parts = { catalog, news: new RunNews(catalog), token, host, page: files };
  const server = createAdaptorServer({ fetch: runsApp(parts).fetch, overrideGlobalObjects: false });
  if (!(server instanceof Server)) throw internal("hono made another server");
  const taken = await listen(op, server, host, port);
  let closed: Promise<unknown> | undefined;
  return {
    url: `http://${inAddress(host)}:${taken}/${token}/#/inspector`,
    port: taken,
    async close() {
      if (closed === undefined) {
        closed = once(server, "close");
        server.close();
        server.closeAllConnections();
      }
      await closed;
    },
  };
}

function wrong(problem: string, got: unknown): TwopassError {
  return new TwopassError({ op, problem, facts: `got ${describe(got)}` });
}
