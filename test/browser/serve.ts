/** A server of static files for tests: folders and texts by the beginning of their address. */
import { readFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};

export interface Served {
  /** Folders by the beginning of the address, such as "/dist/"; the first that fits counts. */
  readonly folders: Readonly<Record<string, string>>;
  /** Pages by their whole address. */
  readonly pages?: Readonly<Record<string, string>>;
  /** Whether pages may share memory with threads: headers say so. Default false. */
  readonly isIsolated?: boolean;
}

const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

export interface Site {
  readonly address: string;
  close(): Promise<void>;
}

async function contentOf(path: string, { folders, pages = {} }: Served): Promise<Buffer | string | undefined> {
  const page = pages[path];
  if (page !== undefined) return page;
  const prefix = Object.keys(folders).find((start) => path.startsWith(start));
  if (prefix === undefined) return undefined;
  const file = normalize(path.slice(prefix.length)) || "index.html";
  if (file.startsWith("..")) return undefined;
  return readFile(join(folders[prefix] as string, file === "." ? "index.html" : file)).catch(() => undefined);
}

/** Serves on a free port of this machine. */
export async function serve(served: Served): Promise<Site> {
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    void contentOf(path, served).then((content) => {
      const type = types[extname(path) || ".html"] ?? "application/octet-stream";
      const headers = { "content-type": type, ...(served.isIsolated === true ? isolation : {}) };
      response.writeHead(content === undefined ? 404 : 200, headers).end(content);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { address: `http://127.0.0.1:${port}`, close };
}
