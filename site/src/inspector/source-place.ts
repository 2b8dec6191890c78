/** Lines of a program as addresses that open an editor. Lines are data of a file: whatever is in them, it stays a path. */

export const editors = ["none", "vscode", "cursor", "zed", "jetbrains"] as const;
export type Editor = (typeof editors)[number];

export interface SourcePlace {
  /** Absolute, with slashes. */
  readonly path: string;
  readonly line: string;
  readonly column: string;
}

/**
 * The place that a line such as "/home/me/model.ts:12:5" names; undefined for one that is not in a file of this computer.
 *
 * @param folder stands in front of a path that is not absolute; "": those are nowhere.
 */
export function sourcePlace(text: string, folder = ""): SourcePlace | undefined {
  const [, file = "", line = "", column = ""] = /^(.+):(\d+):(\d+)$/.exec(text) ?? [];
  if (file === "") return undefined;
  let path = pathOf(file);
  if (path !== undefined && !isAbsolute(path)) path = folder === "" ? undefined : `${pathOf(folder)}/${path}`;
  // Two slashes would be another computer, which Windows would log in to.
  path = path?.replace(/(?<=.)\/+/g, "/");
  const isGood = path !== undefined && isAbsolute(path) && !/[\p{Cc}\p{Cs}]/u.test(path);
  return isGood ? { path: path as string, line, column } : undefined;
}

function pathOf(text: string): string | undefined {
  let path = text;
  if (/^file:\/\/\//i.test(text)) {
    try {
      path = decodeURIComponent(text.slice("file://".length)).replace(/^\/([a-z]:)/i, "$1");
    } catch {
      return undefined;
    }
  } else if (/^[a-z][a-z+.-]+:/i.test(text)) return undefined;
  return path.replaceAll("\\", "/");
}

function isAbsolute(path: string): boolean {
  return /^(\/(?!\/)|[a-z]:\/)/i.test(path);
}

/** The address that opens an editor at a place; undefined without an editor. */
export function editorAddress(editor: Editor, { path, line, column }: SourcePlace): string | undefined {
  const inPath = encodeURI(path.startsWith("/") ? path : `/${path}`).replace(/[?#]/g, encodeURIComponent);
  if (editor === "none") return undefined;
  if (editor === "jetbrains") return `idea://open?file=${encodeURIComponent(path)}&line=${line}&column=${column}`;
  return `${editor}://file${inPath}:${line}:${column}`;
}

export function placeText({ path, line, column }: SourcePlace): string {
  return `${path}:${line}:${column}`;
}
