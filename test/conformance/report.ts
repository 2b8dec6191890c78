/** Counts outcomes by section and family, keeps failures, and prints both. */
import { type SupportColumn, noteSupport } from "../support.ts";
import type { SectionName } from "./options.ts";
import type { Outcome } from "./result.ts";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  total: number;
}

interface Group {
  readonly counts: Counts;
  readonly families: Map<string, Counts>;
}

export interface CaseName {
  readonly section: string;
  /** Family of operators; "" where there are none. */
  readonly family: string;
  /** Operator, module, optimiser, schedule or model. */
  readonly name: string;
  readonly id: string;
}

export class Report {
  readonly #groups = new Map<string, Group>();
  readonly #failures: string[] = [];
  readonly #known: string[] = [];
  readonly #skips = new Map<string, number>();
  /** Things that are wrong with the runner's own lists. */
  readonly #problems: string[] = [];
  readonly #verbose: boolean;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  add({ section, family, name, id }: CaseName, { status, reason, known }: Outcome): void {
    const group = this.#groups.get(section) ?? { counts: none(), families: new Map<string, Counts>() };
    this.#groups.set(section, group);
    const inFamily = group.families.get(family) ?? none();
    group.families.set(family, inFamily);
    for (const counts of [group.counts, inFamily]) {
      counts[status]++;
      counts.total++;
    }
    if (status === "failed") this.#failures.push(`${section} ${id} ${name}: ${reason ?? ""}`);
    if (known !== undefined) this.#known.push(`${section} ${id} ${name}: ${known} (${reason ?? ""})`);
    else if (status === "skipped") {
      const key = `${section} ${name}: ${reason ?? ""}`;
      this.#skips.set(key, (this.#skips.get(key) ?? 0) + 1);
    }
    if (this.#verbose && status === "passed")
      console.log(`passed ${section} ${id} ${name}${reason === undefined ? "" : `: ${reason}`}`);
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  get total(): Counts {
    const sum = none();
    for (const { counts } of this.#groups.values()) {
      sum.passed += counts.passed;
      sum.failed += counts.failed;
      sum.skipped += counts.skipped;
      sum.total += counts.total;
    }
    return sum;
  }

  /** Whether nothing failed and the lists are right. */
  get good(): boolean {
    return this.total.failed === 0 && this.#problems.length === 0;
  }

  /** Notes what works on a device for the table of the READMEs. */
  note(device: SupportColumn): void {
    for (const [section, { counts }] of this.#groups) {
      noteSupport(section as SectionName, device, `${counts.passed} / ${counts.total}`);
    }
  }

  print(): void {
    if (this.#verbose && this.#skips.size > 0) {
      console.log("\nskipped (cases)");
      for (const [key, count] of this.#skips) console.log(`  ${key} (${count})`);
    }
    printList("differ by decision, counted as skipped", this.#known);
    printList("failed", this.#failures);
    printList("wrong lists", this.#problems);
    console.log(`\n${row("section", ["passed", "failed", "skipped", "total"])}`);
    for (const [section, { counts, families }] of this.#groups) {
      console.log(row(section, columns(counts)));
      if (families.size < 2) continue;
      for (const [family, inFamily] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
        console.log(row(`  ${family}`, columns(inFamily)));
      }
    }
  }
}

function printList(title: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join("\n")}`);
}

function none(): Counts {
  return { passed: 0, failed: 0, skipped: 0, total: 0 };
}

function columns({ passed, failed, skipped, total }: Counts): string[] {
  return [passed, failed, skipped, total].map(String);
}

function row(name: string, cells: readonly string[]): string {
  return `${name.padEnd(36)}${cells.map((cell) => cell.padStart(9)).join("")}`;
}
