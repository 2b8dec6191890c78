/**
 * Configuration files of `twopass train`: JSON that names the data, and the model and settings where they differ from the
 * defaults. Floor: cli; Node only.
 */
import { basename, dirname, extname, resolve } from "node:path";
import * as v from "valibot";
import { TwopassError, describe, nearest } from "../base/errors.ts";
import { readTextFile } from "../data/node/index.ts";
import { imageEntries, imageModels } from "./kinds/image.ts";
import { type KindName, type Source, filledText, trainEntries } from "./kinds/kind.ts";
import { seriesEntries, seriesModels } from "./kinds/series.ts";
import { tableEntries, tableModels } from "./kinds/table.ts";
import { textEntries, textModels } from "./kinds/text.ts";
import { type Wishes, modelOf } from "./tasks.ts";

/** What a configuration file decides. */
export interface Config extends Wishes {
  /** Where the model goes; absolute. */
  readonly out: string | undefined;
}

const file = filledText("a path");

/** The kind that a field of `data` stands for, and what else may be in `data`. */
const forms = {
  csv: { kind: "table", data: v.strictObject({ csv: file, ...tableEntries }), models: tableModels },
  images: { kind: "image", data: v.strictObject({ images: file, ...imageEntries }), models: imageModels },
  text: { kind: "text", data: v.strictObject({ text: file, ...textEntries }), models: textModels },
  series: { kind: "series", data: v.strictObject({ series: file, ...seriesEntries }), models: seriesModels },
} as const satisfies Readonly<
  Record<string, { kind: KindName; data: Schema; models: Readonly<Record<string, Schema>> }>
>;

type Schema = v.GenericSchema & { readonly entries: Readonly<Record<string, unknown>> };
type FormName = keyof typeof forms;
const formNames = Object.keys(forms) as FormName[];

/** Reads a configuration file. @throws naming the file and the place in it. */
export async function readConfig(path: string): Promise<Config> {
  const json = parse(path, await readTextFile(path));
  const form = formOf(path, json);
  const { kind, data, models } = forms[form];
  const given: unknown = (json as { model?: { name?: unknown } }).model?.name;
  const { name } = modelOf(`twopass train: ${basename(path)}`, kind, typeof given === "string" ? given : undefined);
  const model = v.partial(
    (models as Readonly<Record<string, v.StrictObjectSchema<v.ObjectEntries, undefined>>>)[name] as never,
  );
  const schema = v.strictObject({
    data,
    model: v.optional(model as Schema),
    train: v.optional(v.partial(v.strictObject(trainEntries))),
    out: v.optional(file),
  });
  const read = check(path, schema, json);
  const folder = dirname(path);
  const { [form]: place, ...rest } = read.data as Readonly<Record<string, unknown>>;
  const source: Source = { ...rest, path: resolve(folder, place as string) };
  return {
    task: basename(path, extname(path)),
    kind,
    data: source,
    model: read.model as Wishes["model"],
    train: read.train,
    out: read.out === undefined ? undefined : resolve(folder, read.out),
  };
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw wrong(path, "not JSON", cause instanceof Error ? cause.message : describe(cause), "", cause);
  }
}

/** Which kind of data it is. */
function formOf(path: string, json: unknown): FormName {
  const data: unknown = (json as { data?: unknown } | null)?.data;
  const keys = typeof data === "object" && data !== null ? Object.keys(data) : [];
  const found = formNames.filter((name) => keys.includes(name));
  const all = `one of ${formNames.join(", ")}`;
  if (found.length === 1) return found[0] as FormName;
  if (found.length > 1) throw wrong(path, `data has ${found.join(" and ")}`, `expected ${all}`, "");
  const near = keys.map((key) => nearest(key, formNames)).find((name) => name !== undefined);
  const hint =
    near === undefined ? '{ "data": { "csv": "houses.csv", "target": "price" } }' : `did you mean "${near}"?`;
  throw wrong(path, "data names no data", `expected ${all}`, hint);
}

function check<S extends Schema>(path: string, schema: S, json: unknown): v.InferOutput<S> {
  const { success, output, issues } = v.safeParse(schema, json);
  if (success) return output;
  const [issue] = issues;
  const place = v.getDotPath(issue) ?? "";
  const at = place === "" ? "the file" : place;
  if (issue.type !== "strict_object") {
    throw wrong(path, `${at} is wrong`, `expected ${issue.message}, got ${describe(issue.input)}`, "");
  }
  // A key that is not known, or one that is missing.
  const keys = (issue.path ?? []).map(({ key }) => String(key));
  const last = keys.pop();
  const known = keysAt(schema, keys);
  if (last === undefined) throw wrong(path, `${at} is wrong`, `expected an object, got ${describe(issue.input)}`, "");
  if (issue.expected === "never") {
    const near = nearest(last, known);
    const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
    throw wrong(path, `unknown key ${JSON.stringify(at)}`, "", hint);
  }
  if (issue.input === undefined) throw wrong(path, `${at} is missing`, "", "");
  throw wrong(path, `${at} is wrong`, `expected an object, got ${describe(issue.input)}`, "");
}

/** The keys of the object at a place of a schema. */
function keysAt(schema: object, path: readonly string[]): string[] {
  let at = schema as { entries?: Readonly<Record<string, object>>; wrapped?: object };
  for (const key of path) {
    at = (at.entries?.[key] ?? {}) as typeof at;
    while (at.wrapped !== undefined) at = at.wrapped as typeof at;
  }
  return Object.keys(at.entries ?? {});
}

function wrong(path: string, problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({
    op: "twopass train",
    problem: `${JSON.stringify(path)}: ${problem}`,
    ...(facts === "" ? {} : { facts }),
    ...(hint === "" ? {} : { hint }),
    cause,
  });
}
