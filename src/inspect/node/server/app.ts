/** What a server of runs answers. All of it is below a secret path, and is only read. Floor: inspect; Node only. */
import { Readable } from "node:stream";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import { runFiles } from "../../run-reading.ts";
import { jsonText } from "../../schema.ts";
import type { OpenFile } from "./inside.ts";
import { isOwnName } from "./own-names.ts";
import { indexPage } from "./page-files.ts";
import type { RunCatalog } from "./run-catalog.ts";
import type { RunNews } from "./run-news.ts";

export interface AppParts {
  readonly catalog: RunCatalog;
  readonly news: RunNews;
  /** The first part of each path; of letters, digits, "-" and "_". */
  readonly token: string;
  /** Where it listens. */
  readonly host: string;
  /** The folder of the built page. */
  readonly page: string | undefined;
}

const headers: Readonly<Record<string, string>> = {
  // Threads of the page.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  // Names in a run are data, whatever they look like.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; " +
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  // The path is the secret.
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** Milliseconds between two signs that a stream is alive. */
const alive = 15_000;

export function runsApp({ catalog, news, token, host, page }: AppParts): Hono {
  const app = new Hono();
  const api = `/${token}/api/`;
  const isApi = (c: Context): boolean => c.req.path.startsWith(api);

  app.use(async (c, next) => {
    if (!isOwnName(c.req.header("Host"), host)) c.res = c.text("This server has another name.", 403);
    else if (c.req.method !== "GET" && c.req.method !== "HEAD" && c.req.path.startsWith(`/${token}/`)) {
      c.res = c.text("This server is only read from.", 405, { Allow: "GET, HEAD" });
    } else await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  });
  app.notFound((c) =>
    isApi(c)
      ? c.json({ error: "there is no such question" }, 404)
      : c.text("Nothing is here: the address that twopass inspect printed is longer.", 404),
  );
  app.onError((error, c) => {
    if (isApi(c)) return c.json({ error: error.message }, error instanceof HTTPException ? error.status : 500);
    return c.text("This file of the page cannot be read.", 500);
  });

  app.get(`${api}runs`, async (c) => c.body(jsonText(await catalog.list(true)), 200, json));

  app.get(`${api}events`, (c) => {
    if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
    return streamSSE(c, async (stream) => {
      const left = new AbortController();
      stream.onAbort(() => left.abort());
      const leave = news.join();
      const timer = setInterval(() => void stream.write(": alive\n\n"), alive);
      let text: string | undefined;
      while ((text = await news.after(text, left.signal)) !== undefined) {
        await stream.writeSSE({ event: "runs", data: text });
      }
      clearInterval(timer);
      leave();
    });
  });

  app.get(`${api}file`, async (c) => {
    const run = await runOf(c, catalog);
    const name = Object.values(runFiles).find((known) => known === c.req.query("name"));
    if (name === undefined) throw refusal(400, `name is one of ${Object.values(runFiles).join(", ")}`);
    const from = wholeOf(c, "from", "0");
    const opened = await catalog.open(run, name);
    if (opened === undefined) throw refusal(404, `the run has no ${name} yet`);
    if (from > opened.stats.size) {
      await opened.file.close();
      throw refusal(416, `the file has ${opened.stats.size} bytes`);
    }
    c.header("X-Revision", opened.revision);
    return textOf(c, opened, from);
  });

  app.get(`${api}trace`, async (c) => {
    const run = await runOf(c, catalog);
    const step = wholeOf(c, "step");
    const opened = await catalog.openTrace(run, step);
    if (opened === undefined) throw refusal(404, `the run has no trace of step ${step}`);
    return textOf(c, opened, 0);
  });

  if (page === undefined) return app;
  app.get(`/${token}`, (c) => c.redirect(`/${token}/`, 308));
  for (const path of ["", "index.html"]) {
    app.get(`/${token}/${path}`, async (c) => c.html(await indexPage(page)));
  }
  app.get(`/${token}/*`, serveStatic({ root: page, rewriteRequestPath: (path) => path.slice(token.length + 1) }));
  return app;
}

const json = { "Content-Type": "application/json; charset=utf-8" };

function refusal(status: 400 | 404 | 416, message: string): HTTPException {
  return new HTTPException(status, { message });
}

/** The run that is asked for. It is looked up, and no path is made of it before. */
async function runOf(c: Context, catalog: RunCatalog): Promise<string> {
  const run = c.req.query("run");
  if (run === undefined) throw refusal(400, "run is missing: the path of one of api/runs");
  if (await catalog.has(run)) return run;
  throw refusal(404, "there is no such run");
}

function wholeOf(c: Context, name: string, usual = ""): number {
  const text = c.req.query(name) ?? usual;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw refusal(400, `${name} must be a whole number from 0`);
}

/** What a file has now from a byte on, in pieces. */
async function textOf(c: Context, { file, stats }: OpenFile, from: number): Promise<Response> {
  c.header("Content-Type", "text/plain; charset=utf-8");
  if (c.req.method === "HEAD" || stats.size === from) {
    await file.close();
    return c.body(null, 200);
  }
  const stream = file.createReadStream({ start: from, end: stats.size - 1 });
  return c.body(Readable.toWeb(stream) as ReadableStream);
}
