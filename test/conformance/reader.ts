/** Reads the reference cases: JSON Lines for the description, safetensors for the numbers. Compares nothing. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type SafetensorsEntry, decodeSafetensors } from "../../src/io/safetensors.ts";

/** A value as the manifest writes it; `decode` in values.ts reads it. */
export type Encoded = null | boolean | number | string | readonly Encoded[] | { readonly [key: string]: Encoded };

/** What all cases have in common. `file` holds the tensors of the case under `<id>.<name>`. */
export interface CaseBase {
  readonly id: string;
  readonly file?: string;
}

export type TensorLookup = (name: string) => SafetensorsEntry;

/** One of the five folders of cases. */
export class Section<Case extends CaseBase> {
  readonly cases: readonly Case[];
  readonly #folder: string;
  #openFile = "";
  #open: ReadonlyMap<string, SafetensorsEntry> = new Map();

  constructor(dir: string, name: string) {
    this.#folder = join(dir, name);
    const manifest = join(this.#folder, "manifest.jsonl");
    if (!existsSync(manifest)) throw new Error(`there are no reference cases: ${manifest} is missing`);
    const lines = readFileSync(manifest, "utf8").trim().split("\n");
    // Cases of one file together, so that each file is read once and dropped.
    this.cases = lines
      .map((line) => JSON.parse(line) as Case)
      .sort((a, b) => order(a.file ?? "", b.file ?? "") || order(a.id, b.id));
  }

  /** Finds the tensors of a case by their local names. */
  tensorsOf(one: Case): TensorLookup {
    return (name) => {
      const entry = this.#read(one.file ?? "").get(`${one.id}.${name}`);
      if (entry === undefined) throw new Error(`${one.file ?? "(no file)"} has no tensor ${one.id}.${name}`);
      return entry;
    };
  }

  /** Local names of all tensors of a case that begin with `prefix`, without it. */
  namesOf(one: Case, prefix: string): string[] {
    const start = `${one.id}.${prefix}`;
    return [...this.#read(one.file ?? "").keys()]
      .filter((key) => key.startsWith(start))
      .map((key) => key.slice(start.length));
  }

  #read(file: string): ReadonlyMap<string, SafetensorsEntry> {
    if (file !== this.#openFile) {
      const bytes = readFileSync(join(this.#folder, file));
      // A copy of its own memory, so that tensors are aligned whatever pool Node took the bytes from.
      this.#open = decodeSafetensors(new Uint8Array(bytes)).entries;
      this.#openFile = file;
    }
    return this.#open;
  }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
