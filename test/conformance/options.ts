/** The command line: `npm run conformance -- [FOLDER] [options]`. */
import { parseArgs } from "node:util";

export const sectionNames = ["ops", "errors", "optim", "modules", "training"] as const;
export type SectionName = (typeof sectionNames)[number];

export interface Options {
  readonly dir: string;
  readonly device: string | undefined;
  readonly worker: boolean;
  readonly sections: readonly SectionName[];
  readonly family: string | undefined;
  readonly op: string | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
}

export const usage = `usage: npm run conformance -- [FOLDER] [options]
  --dir FOLDER       the reference cases; default ../shared/conformance
  --device NAME      where to run; default the library's default
  --worker           in a worker thread; only with --device wasm
  --section A,B      some of ${sectionNames.join(", ")}; default all
  --family NAME      only operators of one family
  --op NAME          only one operator, module, optimiser, schedule or model
  --verbose          also what passed and what was skipped
  --json             ends with the counts as a line of JSON`;

export class UsageError extends Error {}

export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const [folder, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`one folder, not ${positionals.length}`);
  return {
    dir: values.dir ?? folder ?? "../shared/conformance",
    device: values.device,
    worker: values.worker ?? false,
    sections: values.section === undefined ? sectionNames : values.section.split(",").map(sectionName),
    family: values.family,
    op: values.op,
    verbose: values.verbose ?? false,
    json: values.json ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: "string" },
        device: { type: "string" },
        worker: { type: "boolean" },
        section: { type: "string" },
        family: { type: "string" },
        op: { type: "string" },
        verbose: { type: "boolean" },
        json: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function sectionName(text: string): SectionName {
  const found = sectionNames.find((name) => name === text.trim());
  if (found === undefined) throw new UsageError(`there is no section "${text}"`);
  return found;
}
