/** Scalars as a table of comma-separated values (RFC 4180). Floor: train; Node only. */
import { TwopassError } from "../../base/errors.ts";
import type { Logger, Scalars } from "../loggers/logger.ts";
import { LogFile } from "./log-file.ts";

/**
 * A table with the columns "step" and one for each scalar, in the order in which they first came; a row for each call, with
 * an empty field where it has no such scalar. NaN and infinities are NaN, Infinity and -Infinity.
 *
 * A scalar that was not there before adds a column: the file is written anew beside the old one and takes its name. An
 * old file is appended to; a last row without its end, as a killed process leaves it, is cut off first.
 *
 * @param path its folder is made where it is missing.
 * @throws where the file cannot be opened or is another table.
 * @example
 * const logger = new CsvLogger("run.csv");
 * logger.log(1, { loss: 0.5 });
 * logger.log(2, { loss: 0.25, lr: 0.1 });
 * logger.close();
 * await readTextFile("run.csv"); // "step,loss,lr\r\n1,0.5,\r\n2,0.25,0.1\r\n"
 */
export class CsvLogger implements Logger {
  readonly #file: LogFile;
  #columns: readonly string[] = [];

  constructor(path: string) {
    this.#file = new LogFile("CsvLogger", path);
    try {
      this.#file.cutTornLine();
      if (this.#file.size > 0) this.#columns = this.#readHeader().columns;
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  log(step: number, scalars: Scalars): void {
    const wrong = Object.keys(scalars).find((name) => name === "step" || /[\r\n]/.test(name));
    if (wrong !== undefined) {
      throw new TwopassError({
        op: "CsvLogger",
        problem: `a scalar cannot be named ${JSON.stringify(wrong)}`,
        hint: "the first column is the step, and a name is one line",
      });
    }
    const row: Readonly<Record<string, number>> = { step, ...scalars };
    const added = Object.keys(row).filter((name) => !this.#columns.includes(name));
    if (added.length > 0) this.#addColumns(added);
    this.#file.append(lineOf(this.#columns.map((name) => (Object.hasOwn(row, name) ? String(row[name]) : ""))));
  }

  #addColumns(added: readonly string[]): void {
    const columns = [...this.#columns, ...added];
    if (this.#columns.length === 0) this.#file.append(lineOf(columns));
    else {
      // Rows are numbers alone, so that a line's end is a row's end.
      const empty = ",".repeat(added.length);
      const { rows } = this.#readHeader();
      this.#file.replace(lineOf(columns) + rows.replaceAll(/\r?\n/g, `${empty}\r\n`));
    }
    this.#columns = columns;
  }

  #readHeader(): { readonly columns: readonly string[]; readonly rows: string } {
    const text = this.#file.read();
    const columns: string[] = [];
    // A field in quotes, where a quote is two, or one without; then what ends it.
    const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n)/y;
    for (let match = field.exec(text); match !== null; match = field.exec(text)) {
      columns.push(match[1] === undefined ? (match[2] as string) : match[1].replaceAll('""', '"'));
      if (match[3] !== ",") {
        const rows = text.slice(field.lastIndex);
        if (columns[0] === "step" && !rows.includes('"')) return { columns, rows };
        break;
      }
    }
    throw new TwopassError({
      op: "CsvLogger",
      problem: "the file is another table",
      facts: JSON.stringify(this.#file.path),
      hint: 'a log begins with the column "step"; give another path',
    });
  }

  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }
}

function lineOf(fields: readonly string[]): string {
  return `${fields.map((text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")}\r\n`;
}
