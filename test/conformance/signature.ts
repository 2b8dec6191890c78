/**
 * One line of a table says how a call of PyTorch is written here:
 *
 *     sum(input, dim, *, keepdim, dtype) = input.sum(dim, {keepdim, dtype})
 *
 * On the left are PyTorch's parameters in order, `*` before those that go by keyword, `*name` for all that remain. On
 * the right is the call: of a method of a parameter, of a function (`F.` those of twopass/nn/functional), or an
 * accessor. `...name` spreads a list, `{name}` is an option in camelCase, `{ours: name}` one of another name. null and
 * absent arguments are left out; `-name` on the left is one that means nothing here. A method that is missing may be a
 * function of that name.
 */
import { type Namespace, camelCase, exportedFunction, tensorHas } from "./api.ts";
import { DtypeValue } from "./values.ts";

export type Keywords = Readonly<Record<string, unknown>>;

/** Calls one operation as the public API has it. */
export interface Adapter {
  /** What the library would have to have, as the table writes it. */
  readonly needs: string;
  available(): boolean;
  call(args: readonly unknown[], keywords: Keywords): unknown;
}

/** A case has arguments that the table's line does not expect: the table is wrong, not the library. */
export class AdapterError extends Error {}

interface Argument {
  readonly kind: "positional" | "spread" | "options";
  /** Names of parameters; for options those of ours, too. */
  readonly names: readonly (readonly [ours: string, theirs: string])[];
}

interface Parameters {
  readonly names: readonly string[];
  readonly rest: string | undefined;
  /** Those that mean nothing here. */
  readonly ignored: ReadonlySet<string>;
}

/** Adapters by PyTorch's name, from a table of lines. */
export function adaptersOf(table: string): Map<string, Adapter> {
  const adapters = new Map<string, Adapter>();
  for (const line of table
    .split("\n")
    .map((text) => text.trim())
    .filter((text) => text !== "")) {
    const parts = /^([\w.]+)\(([^)]*)\) = (.+)$/.exec(line);
    if (parts === null) throw new AdapterError(`cannot read the table's line "${line}"`);
    const [, name = "", parameters = "", target = ""] = parts;
    if (adapters.has(name)) throw new AdapterError(`two lines for ${name}`);
    adapters.set(name, lineAdapter(name, readParameters(parameters), target));
  }
  return adapters;
}

/** A function of ours under PyTorch's name, for what no line can say. `needs` are names that must be there. */
export function adapter(
  needs: readonly Target[],
  call: (args: readonly unknown[], keywords: Keywords) => unknown,
): Adapter {
  return {
    needs: needs.map((target) => target.needs).join(" and "),
    available: () => needs.every((target) => target.available()),
    call,
  };
}

function lineAdapter(name: string, parameters: Parameters, text: string): Adapter {
  const found = /^(?:(\w+)\.)?(\w+)(?:\((.*)\))?$/.exec(text);
  if (found === null) throw new AdapterError(`cannot read "${text}"`);
  const [, before, target = "", inside] = found;
  if (inside === undefined) {
    const receiver = before ?? "";
    return {
      needs: `Tensor.${target}`,
      available: () => tensorHas(target),
      call: (args, keywords) =>
        Reflect.get(bind(name, parameters, args, keywords).get(receiver) as object, target) as unknown,
    };
  }
  const list = readArguments(inside);
  checkAllUsed(name, parameters, [
    before ?? "",
    ...list.flatMap((argument) => argument.names.map(([, theirs]) => theirs)),
  ]);
  if (before === undefined || before === "F") {
    const callee = functionTarget(target, before ?? "");
    return {
      ...callee,
      call: (args, keywords) => callee.invoke(pass(list, bind(name, parameters, args, keywords))),
    };
  }
  const callee = methodTarget(target);
  return {
    ...callee,
    call: (args, keywords) => {
      const bound = bind(name, parameters, args, keywords);
      return callee.invoke([bound.get(before), ...pass(list, bound)]);
    },
  };
}

/** Something callable of the library, found when it is asked for. The receiver of a method is the first argument. */
export interface Target {
  readonly needs: string;
  available(): boolean;
  invoke(args: readonly unknown[]): unknown;
}

export function methodTarget(name: string): Target {
  return {
    needs: `Tensor.${name}()`,
    available: () => tensorHas(name) || exportedFunction("", name) !== undefined,
    invoke: ([receiver, ...args]) => {
      if (tensorHas(name)) return callMethod(receiver, name, args);
      return called("", name, [receiver, ...args]);
    },
  };
}

export function functionTarget(name: string, space: Namespace = ""): Target {
  return {
    needs: `${space === "" ? "" : `${space}.`}${name}()`,
    available: () => exportedFunction(space, name) !== undefined,
    invoke: (args) => called(space, name, args),
  };
}

function called(space: Namespace, name: string, args: readonly unknown[]): unknown {
  const found = exportedFunction(space, name);
  if (found === undefined) throw new AdapterError(`the library has no ${name}`);
  return found(...args);
}

function callMethod(receiver: unknown, name: string, args: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(receiver as object, name);
  if (typeof method !== "function") throw new AdapterError(`${name} is no method of its first argument`);
  return Reflect.apply(method, receiver, args) as unknown;
}

function readParameters(text: string): Parameters {
  const names: string[] = [];
  const ignored = new Set<string>();
  let rest: string | undefined;
  for (const part of split(text)) {
    if (part === "*") continue;
    const name = part.replace(/^[*-]/, "");
    if (part.startsWith("-")) ignored.add(name);
    if (part.startsWith("*")) rest = name;
    else names.push(name);
  }
  return { names, rest, ignored };
}

/** An argument that the right side forgets would be dropped in silence. */
function checkAllUsed(name: string, { names, rest, ignored }: Parameters, used: readonly string[]): void {
  const all = rest === undefined ? names : [...names, rest];
  const forgotten = all.find((theirs) => !used.includes(theirs) && !ignored.has(theirs));
  if (forgotten !== undefined) throw new AdapterError(`the table's line of ${name} makes no use of ${forgotten}`);
  const unknown = used.find((theirs) => theirs !== "" && theirs !== "F" && !all.includes(theirs));
  if (unknown !== undefined)
    throw new AdapterError(`the table's line of ${name} uses ${unknown}, which is no parameter`);
}

function readArguments(text: string): Argument[] {
  const list: Argument[] = [];
  const options = /\{([^}]*)\}$/.exec(text);
  for (const part of split(options === null ? text : text.slice(0, options.index))) {
    const spread = part.startsWith("...");
    const theirs = spread ? part.slice(3) : part;
    list.push({ kind: spread ? "spread" : "positional", names: [[theirs, theirs]] });
  }
  if (options !== null) {
    const names = split(options[1] ?? "").map((part): readonly [string, string] => {
      const [ours = "", theirs] = part.split(":").map((word) => word.trim());
      return theirs === undefined ? [camelCase(ours), ours] : [ours, theirs];
    });
    list.push({ kind: "options", names });
  }
  return list;
}

function split(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Arguments by PyTorch's names; null is PyTorch's "not given". */
export function bind(
  op: string,
  { names, rest }: Parameters,
  args: readonly unknown[],
  keywords: Keywords,
): ReadonlyMap<string, unknown> {
  const bound = new Map<string, unknown>();
  const put = (name: string, value: unknown): void => {
    if (value !== null && value !== undefined) bound.set(name, value instanceof DtypeValue ? value.dtype : value);
  };
  args.slice(0, names.length).forEach((value, i) => put(names[i] as string, value));
  const remaining = args.slice(names.length);
  if (rest !== undefined) put(rest, remaining);
  else if (remaining.length > 0)
    throw new AdapterError(`${op} is called with ${args.length} arguments, the table names ${names.length}`);
  for (const [name, value] of Object.entries(keywords)) {
    if (!names.includes(name) && name !== rest)
      throw new AdapterError(`${op} is called with ${name}, which the table does not name`);
    put(name, value);
  }
  return bound;
}

function pass(list: readonly Argument[], bound: ReadonlyMap<string, unknown>): unknown[] {
  const out: unknown[] = [];
  for (const { kind, names } of list) {
    if (kind === "options") {
      const options = names
        .filter(([, theirs]) => bound.has(theirs))
        .map(([ours, theirs]) => [ours, bound.get(theirs)]);
      if (options.length > 0) out.push(Object.fromEntries(options));
      continue;
    }
    const value = bound.get(names[0]?.[1] ?? "");
    if (kind === "spread")
      out.push(...(Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value]));
    else out.push(value);
  }
  while (out.length > 0 && out.at(-1) === undefined) out.pop();
  return out;
}
